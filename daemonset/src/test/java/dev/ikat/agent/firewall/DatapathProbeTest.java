package dev.ikat.agent.firewall;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.firewall.SelfTest.Way;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressRange;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram({"ip", "nft", "nsenter"})
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE})
class DatapathProbeTest {
    private static final AddressPlan PLAN = new AddressPlan(
            List.of(AddressRange.of(Cidr.parse("10.244.1.0/24")), AddressRange.of(Cidr.parse("fd00::/64"))));

    private final List<String> asked = new ArrayList<>();

    /** Wires nothing, so that no packet passes, whatever was asked for. */
    private CniResponse plugin(CniRequest request) {
        asked.add(new String(request.stdin(), UTF_8));
        return new CniResponse(0, new byte[0]);
    }

    private void find(Set<IpAddress> claimed) {
        new DatapathProbe(this::plugin, claimed::contains, () -> false).find(PLAN, 1500, List.of());
    }

    @Test
    void addressesThatAPodIsSaidToHaveAreLeftOut() {
        find(Set.of(IpAddress.parse("10.244.1.254"), IpAddress.parse("fd00::ffff:ffff:ffff:fffd")));

        assertThat(asked.getFirst()).contains("10.244.1.252", "fd00::ffff:ffff:ffff:fffc");
        assertThat(asked).noneMatch(text -> text.contains("10.244.1.254"));
    }

    @Test
    void nothingIsWiredWherePodsAreSaidToHaveAllOfThem() {
        find(Set.copyOf(IntStream.rangeClosed(200, 255)
                .mapToObj(last -> IpAddress.parse("10.244.1." + last))
                .toList()));

        assertThat(asked).isEmpty();
    }

    /** This node and another one, whose block is reached by a route, and a plugin that wires by the command ip. */
    private static final class Nodes implements AutoCloseable {
        private static final IpAddress ANSWERING = IpAddress.parse("10.244.2.0");
        private static final IpAddress OTHER = Underlay.v4(0, 12).address();

        private final Underlay underlay = new Underlay();
        final TestNamespace here = TestNamespace.create();
        final TestNamespace there = TestNamespace.create();

        Nodes() {
            underlay.attach(here, 0, 11);
            underlay.attach(there, 0, 12);
            here.sysctl("net.ipv4.conf.all.forwarding", "1");
            there.sysctl("net.ipv4.conf.all.forwarding", "1");
            here.ip("route", "add", "10.244.2.0/24", "via", OTHER.toString());
            there.ip(
                    "route",
                    "add",
                    "10.244.1.0/24",
                    "via",
                    Underlay.v4(0, 11).address().toString());
        }

        private CniResponse plugin(CniRequest request) {
            String link = variable(request, "CNI_CONTAINERID").replace("self-test", "veth");
            if (!variable(request, "CNI_COMMAND").equals("ADD")) {
                here.runner("ip", "link", "delete", link).run();
                return new CniResponse(0, new byte[0]);
            }
            String pod = "/proc/" + ProcessHandle.current().pid() + "/fd/"
                    + Path.of(variable(request, "CNI_NETNS")).getFileName();
            Matcher address = Pattern.compile("10[.]244[.]1[.][0-9]+").matcher(new String(request.stdin(), UTF_8));
            assertThat(address.find()).isTrue();
            here.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pod);
            here.ip("link", "set", link, "up");
            here.ip("address", "add", "169.254.1.1/32", "dev", link);
            here.ip("route", "add", address.group(), "dev", link);
            for (String command : List.of(
                    "address add " + address.group() + " dev eth0",
                    "link set eth0 up",
                    "route add 169.254.1.1 dev eth0",
                    "route add default via 169.254.1.1")) {
                here.exec(("nsenter --net=" + pod + " ip " + command).split(" ", -1));
            }
            return new CniResponse(0, new byte[0]);
        }

        private static String variable(CniRequest request, String name) {
            return Objects.requireNonNull(request.environment().get(name));
        }

        /** Whether the other node's pods are found to be out of reach. */
        boolean misses(Optional<IpAddress> spare) {
            AddressPlan plan = new AddressPlan(List.of(AddressRange.of(Cidr.parse("10.244.1.0/24"))));
            SelfTest.Target target = new SelfTest.Target(ANSWERING, OTHER, Way.ROUTE, spare, "out of reach");
            try (NetworkNamespace namespace = NetworkNamespace.open(here.path())) {
                SelfTest.Findings findings =
                        namespace.call(() -> new DatapathProbe(this::plugin, _ -> false, () -> false)
                                .find(plan, 1500, List.of(target))
                                .orElseThrow());
                assertThat(findings.failing()).isEmpty();
                return findings.unreached().contains(target);
            }
        }

        @Override
        public void close() {
            here.close();
            there.close();
            underlay.close();
        }
    }

    @Test
    void podsBehindARouteAreReachedWhereTheirNodeAnswersOrSaysThatItHasNoWay() {
        try (Nodes nodes = new Nodes()) {
            nodes.there.ip("route", "add", "blackhole", "10.244.2.0/24");
            assertThat(nodes.misses(Optional.empty())).as("lost on the way").isTrue();

            nodes.there.ip("route", "replace", "unreachable", "10.244.2.0/24");
            assertThat(nodes.misses(Optional.empty()))
                    .as("an agent of a former version")
                    .isFalse();

            nodes.there.ip("route", "add", "local", Nodes.ANSWERING.toString(), "dev", "lo");
            assertThat(nodes.misses(Optional.empty())).isFalse();
        }
    }

    @Test
    void answerThatTheOtherNodesFirewallRefusesIsMissedOnlyWhereThisOnesMayBeTheReason() {
        try (Nodes nodes = new Nodes()) {
            nodes.there.ip("route", "add", "unreachable", "10.244.2.0/24");
            nodes.there.ip("route", "add", "local", Nodes.ANSWERING.toString(), "dev", "lo");
            nodes.there.exec(
                    "nft",
                    "add table ip own; add chain ip own in { type filter hook input priority 0; }; "
                            + "add rule ip own in ip saddr 10.244.1.0/24 drop");
            assertThat(nodes.misses(Optional.empty())).isTrue();
            assertThat(nodes.misses(Optional.of(IpAddress.parse("10.244.2.255"))))
                    .isFalse();
        }
    }
}
