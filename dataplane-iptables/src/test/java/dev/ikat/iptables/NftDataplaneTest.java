package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.dataplane.Capability;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

final class NftDataplaneTest extends VariantDataplaneContract {
    NftDataplaneTest() {
        super(IptablesVariant.NFT);
    }

    private List<String> tables() {
        return node().exec("nft", "list", "tables").lines().sorted().toList();
    }

    private void putInForce() {
        dataplane().policy().replace(PolicyProgram.EMPTY);
    }

    /** As by an uninstallation: of another process, which has only the record. */
    private void removeAll() {
        for (Capability capability : Capability.values()) {
            dataplane().removeLeft(capability, false);
        }
    }

    @Test
    @RequiresProgram("nft")
    void tablesThatWereNotThereBeforeGoWithTheLastRule() {
        putInForce();
        assertThat(tables()).contains("table ip filter", "table ip6 filter");
        putInForce();

        removeAll();

        assertThat(tables()).isEmpty();
    }

    @Test
    @RequiresProgram("nft")
    void tableThatWasThereBeforeStays() {
        node().exec("iptables-nft", "-P", "INPUT", "ACCEPT");
        List<String> before = tables();
        assertThat(before).containsExactly("table ip filter");
        putInForce();

        removeAll();

        assertThat(tables()).isEqualTo(before);
    }

    @Test
    @RequiresProgram("nft")
    void tableThatSomebodyElseUsesByNowStays() {
        putInForce();
        node().exec("iptables-nft", "-P", "FORWARD", "DROP");
        node().exec("ip6tables-nft", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT");

        removeAll();

        assertThat(tables()).containsExactly("table ip filter", "table ip6 filter");
        assertThat(node().exec("iptables-nft-save")).contains(":FORWARD DROP");
        assertThat(node().exec("ip6tables-nft-save")).contains("-A INPUT -i lo -j ACCEPT");
    }

    /** Of an agent of a version that recorded nothing, or with another run directory. */
    @Test
    @RequiresProgram("nft")
    void withoutARecordAllTablesStay() throws IOException {
        putInForce();
        Files.delete(runDirectory.resolve(FormerTables.RECORD));

        removeAll();

        assertThat(tables()).contains("table ip filter", "table ip6 filter");
    }
}
