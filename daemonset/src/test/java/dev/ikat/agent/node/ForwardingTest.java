package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class ForwardingTest {
    @TempDir
    private Path runDirectory;

    private TestNamespace namespace;
    private NetworkNamespace entered;

    @BeforeEach
    void makeNode() {
        namespace = TestNamespace.create();
        namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "far");
        namespace.sysctl("net.ipv4.ip_forward", "0");
        namespace.sysctl("net.ipv6.conf.all.forwarding", "0");
        namespace.sysctl("net.ipv6.conf.eth0.accept_ra", "1");
        entered = NetworkNamespace.open(namespace.path());
    }

    @AfterEach
    void remove() {
        entered.close();
        namespace.close();
    }

    private int reconcile(Set<IpFamily> families) {
        return entered.call(
                () -> new Forwarding(runDirectory, Sysctl.PARAMETERS).reconcile(families, new InterfaceName("eth0")));
    }

    private String value(String key) {
        return namespace.exec("sysctl", "-n", key).strip();
    }

    @Test
    void whatWasBeforeIsRecordedOnceWhateverFollows() throws IOException {
        assertThat(reconcile(EnumSet.allOf(IpFamily.class))).isEqualTo(3);
        assertThat(reconcile(EnumSet.allOf(IpFamily.class))).isZero();
        namespace.sysctl("net.ipv4.ip_forward", "0");
        assertThat(reconcile(EnumSet.allOf(IpFamily.class))).isEqualTo(1);

        assertThat(value("net.ipv4.ip_forward")).isEqualTo("1");
        assertThat(value("net.ipv6.conf.all.forwarding")).isEqualTo("1");
        assertThat(Forwarding.before(runDirectory.resolve(Forwarding.RECORD)))
                .isEqualTo(Map.of(
                        "net/ipv4/ip_forward", "0",
                        "net/ipv6/conf/all/forwarding", "0",
                        "net/ipv6/conf/eth0/accept_ra", "1"));
    }

    @Test
    void nodeKeepsTheDefaultRouteThatARouterAdvertises() {
        reconcile(EnumSet.of(IpFamily.IPV6));
        assertThat(value("net.ipv6.conf.eth0.accept_ra")).isEqualTo("2");
    }

    @Test
    void familyWithoutPodsIsLeftAlone() {
        reconcile(EnumSet.of(IpFamily.IPV4));
        assertThat(value("net.ipv6.conf.all.forwarding")).isEqualTo("0");
    }

    @Test
    void recordThatWasRemovedIsWrittenAgain() throws IOException {
        Forwarding forwarding = new Forwarding(runDirectory, Sysctl.PARAMETERS);
        Path record = runDirectory.resolve(Forwarding.RECORD);
        Set<IpFamily> families = EnumSet.of(IpFamily.IPV4);
        entered.call(() -> forwarding.reconcile(families, new InterfaceName("eth0")));
        Files.delete(record);

        entered.call(() -> forwarding.reconcile(families, new InterfaceName("eth0")));

        assertThat(Forwarding.before(record)).isEqualTo(Map.of("net/ipv4/ip_forward", "0"));
    }

    @Test
    void linkInTheRecordsPlaceIsNotFollowed() throws IOException {
        Path victim = Files.writeString(runDirectory.resolve("victim"), "as it was");
        Files.createSymbolicLink(runDirectory.resolve(Forwarding.RECORD), victim);

        assertThatThrownBy(() -> reconcile(EnumSet.of(IpFamily.IPV4)))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("is a symbolic link to " + victim);

        assertThat(victim).hasContent("as it was");
        assertThat(value("net.ipv4.ip_forward")).isEqualTo("0");
    }
}
