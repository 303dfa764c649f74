package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@RequiresRoot
@RequiresProgram("ipset")
class IptablesVariantTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        legacy -t mangle -N KUBE-IPTABLES-HINT                                            | LEGACY
        nft -t mangle -N KUBE-IPTABLES-HINT                                               | NFT
        legacy -t mangle -N KUBE-KUBELET-CANARY; nft -A FORWARD -j ACCEPT                 | LEGACY
        nft -t mangle -N KUBE-KUBELET-CANARY; legacy -A FORWARD -j ACCEPT                 | NFT
        legacy -A FORWARD -j ACCEPT                                                       | LEGACY
        nft -A FORWARD -j ACCEPT                                                          | NFT
        legacy -A FORWARD -j ACCEPT; nft -A INPUT -j ACCEPT; nft -A FORWARD -j ACCEPT     | NFT
        legacy -N IKAT-X; legacy -A FORWARD -j IKAT-X; nft -A INPUT -j ACCEPT             | NFT
        """)
    void variantIsTheOneThatTheHostUses(String commands, IptablesVariant variant) {
        try (TestNamespace host = TestNamespace.create()) {
            for (String command : commands.split("; ", -1)) {
                int space = command.indexOf(' ');
                host.exec(("iptables-" + command.substring(0, space) + " -w 5" + command.substring(space))
                        .split(" ", -1));
            }
            Programs programs = new Programs(host.entering(List.of()));
            assertThat(IptablesVariant.detect(programs)).isEqualTo(variant);
        }
    }
}
