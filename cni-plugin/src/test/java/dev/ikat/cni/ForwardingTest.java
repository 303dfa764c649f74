package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class ForwardingTest {
    private static final Set<IpFamily> BOTH = EnumSet.allOf(IpFamily.class);

    @TempDir
    private Path runDirectory;

    private TestNamespace namespace;
    private NetworkNamespace entered;
    private Rtnetlink netlink;

    @BeforeEach
    void makeNode() {
        namespace = TestNamespace.create();
        link("eth0");
        namespace.sysctl("net.ipv4.ip_forward", "0");
        namespace.sysctl("net.ipv6.conf.all.forwarding", "0");
        entered = NetworkNamespace.open(namespace.path());
        netlink = Rtnetlink.open(entered);
    }

    @AfterEach
    void remove() {
        netlink.close();
        entered.close();
        namespace.close();
    }

    private void link(String name) {
        namespace.ip("link", "add", name, "type", "veth", "peer", "name", name + "-far");
        namespace.ip("link", "set", name, "up");
        namespace.ip("link", "set", name + "-far", "up");
        namespace.sysctl("net.ipv6.conf." + name + ".accept_ra", "1");
    }

    /** What a router advertisement leaves behind. */
    private void advertised(String link) {
        namespace.ip("-6", "route", "add", "default", "via", "fe80::77", "dev", link, "proto", "ra");
    }

    private List<HostSettings.Change> reconcile(Set<IpFamily> families) {
        return reconcile(new Forwarding(runDirectory, Sysctl.PARAMETERS, netlink), families);
    }

    private List<HostSettings.Change> reconcile(Forwarding forwarding, Set<IpFamily> families) {
        return entered.call(() -> forwarding.reconcile(families, Optional.of(new InterfaceName("eth0"))));
    }

    private String value(String key) {
        return namespace.exec("sysctl", "-n", key).strip();
    }

    private Map<String, String> recorded() throws IOException {
        return HostSettings.before(runDirectory.resolve(HostSettings.RECORD));
    }

    @Test
    void whatWasBeforeIsRecordedOnceWhateverFollows() throws IOException {
        assertThat(reconcile(BOTH))
                .containsExactly(
                        new HostSettings.Change("net/ipv4/ip_forward", "1", "0"),
                        new HostSettings.Change("net/ipv6/conf/eth0/accept_ra", "2", "1"),
                        new HostSettings.Change("net/ipv6/conf/all/forwarding", "1", "0"));
        assertThat(reconcile(BOTH)).isEmpty();
        namespace.sysctl("net.ipv4.ip_forward", "0");
        assertThat(reconcile(BOTH)).hasSize(1);

        assertThat(value("net.ipv4.ip_forward")).isEqualTo("1");
        assertThat(value("net.ipv6.conf.all.forwarding")).isEqualTo("1");
        assertThat(recorded())
                .isEqualTo(Map.of(
                        "net/ipv4/ip_forward", "0",
                        "net/ipv6/conf/all/forwarding", "0",
                        "net/ipv6/conf/eth0/accept_ra", "1"));
    }

    @Test
    void nodeKeepsTheDefaultRouteThatARouterAdvertisesOnAnyLink() throws IOException {
        link("eth1");
        advertised("eth1");

        reconcile(BOTH);

        assertThat(namespace.ip("-6", "route", "show", "default")).contains("dev eth1 proto ra");
        assertThat(value("net.ipv6.conf.eth1.accept_ra")).isEqualTo("2");
        assertThat(recorded()).containsEntry("net/ipv6/conf/eth1/accept_ra", "1");
    }

    @Test
    void linkThatComesLaterTakesAdvertisementsToo() {
        reconcile(BOTH);
        link("eth1");
        advertised("eth1");

        reconcile(BOTH);

        assertThat(value("net.ipv6.conf.eth1.accept_ra")).isEqualTo("2");
    }

    @Test
    void containersAreNoRouters() {
        link("cali77");
        link("ik0123456");
        namespace.ip("link", "add", "docker0", "type", "bridge");
        namespace.ip("link", "set", "cali77", "master", "docker0");
        namespace.sysctl("net.ipv6.conf.docker0.accept_ra", "1");
        advertised("ik0123456");

        reconcile(BOTH);

        for (String link : List.of("cali77", "ik0123456", "docker0")) {
            assertThat(value("net.ipv6.conf." + link + ".accept_ra")).as(link).isEqualTo("1");
        }
    }

    @Test
    void linkOnWhichSomebodyWantsNoAdvertisementsGetsNone() {
        namespace.sysctl("net.ipv6.conf.eth0.accept_ra", "0");
        assertThat(reconcile(EnumSet.of(IpFamily.IPV6))).hasSize(1);
        assertThat(value("net.ipv6.conf.eth0.accept_ra")).isEqualTo("0");
    }

    @Test
    void settingOfWhichTheKernelTellsNothingIsLookedAt() {
        Forwarding forwarding = new Forwarding(runDirectory, Sysctl.PARAMETERS, netlink);
        reconcile(forwarding, BOTH);
        assertThat(entered.call(forwarding::hasDrifted)).isFalse();
        namespace.sysctl("net.ipv6.conf.eth0.accept_ra", "1");
        assertThat(entered.call(forwarding::hasDrifted)).isTrue();
        assertThat(reconcile(forwarding, BOTH)).hasSize(1);
        assertThat(entered.call(forwarding::hasDrifted)).isFalse();
    }

    @Test
    void uplinkForwardsAgain() {
        reconcile(BOTH);
        namespace.sysctl("net.ipv4.conf.eth0.forwarding", "0");
        assertThat(reconcile(BOTH)).hasSize(1);
        assertThat(value("net.ipv4.conf.eth0.forwarding")).isEqualTo("1");
    }

    @Test
    void familyWithoutPodsIsLeftAlone() {
        reconcile(EnumSet.of(IpFamily.IPV4));
        assertThat(value("net.ipv6.conf.all.forwarding")).isEqualTo("0");
        assertThat(value("net.ipv6.conf.eth0.accept_ra")).isEqualTo("1");
    }

    @Test
    void settingsAreRestoredInReverseAndThoseOfLinksThatAreGoneAreLeftOut() throws IOException {
        link("eth1");
        advertised("eth1");
        reconcile(BOTH);
        namespace.ip("link", "del", "eth1");

        List<HostSettings.Change> restored = entered.call(() -> {
            try {
                return HostSettings.restore(runDirectory, Sysctl.PARAMETERS);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });

        assertThat(restored)
                .extracting(HostSettings.Change::key)
                .containsExactly("net/ipv6/conf/all/forwarding", "net/ipv6/conf/eth0/accept_ra", "net/ipv4/ip_forward");
        assertThat(value("net.ipv6.conf.eth0.accept_ra")).isEqualTo("1");
        assertThat(value("net.ipv4.ip_forward")).isEqualTo("0");
    }

    @Test
    void recordThatWasRemovedIsWrittenAgain() throws IOException {
        Forwarding forwarding = new Forwarding(runDirectory, Sysctl.PARAMETERS, netlink);
        reconcile(forwarding, EnumSet.of(IpFamily.IPV4));
        Files.delete(runDirectory.resolve(HostSettings.RECORD));

        reconcile(forwarding, EnumSet.of(IpFamily.IPV4));

        assertThat(recorded()).isEqualTo(Map.of("net/ipv4/ip_forward", "0"));
    }

    @Test
    void linkInTheRecordsPlaceIsNotFollowed() throws IOException {
        Path victim = Files.writeString(runDirectory.resolve("victim"), "as it was");
        Files.createSymbolicLink(runDirectory.resolve(HostSettings.RECORD), victim);

        assertThatThrownBy(() -> reconcile(EnumSet.of(IpFamily.IPV4)))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("is a symbolic link to " + victim);

        assertThat(victim).hasContent("as it was");
        assertThat(value("net.ipv4.ip_forward")).isEqualTo("0");
    }
}
