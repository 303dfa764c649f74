package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.ConntrackTuple;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

@RequiresRoot
class StaleFlowsTest {
    private static final ServiceProgram NO_SERVICES =
            new ServiceProgram(Map.of(), Set.of(), Set.of(Cidr.parse("10.96.0.0/16")));

    private static ConntrackTuple tuple(Protocol protocol, int sourcePort, String destination) {
        return new ConntrackTuple(
                IpAddress.parse("10.1.0.5"),
                IpAddress.parse(destination),
                protocol.number(),
                sourcePort,
                53,
                Optional.empty());
    }

    @Test
    void flowsToServicesThatHaveGoneUnseenAreForgotten() {
        try (TestNamespace host = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(host.path());
                Conntrack conntrack = Conntrack.open(namespace);
                StaleFlows stale = new StaleFlows(Conntrack.open(namespace))) {
            ConntrackTuple datagrams = tuple(Protocol.UDP, 4000, "10.96.0.10");
            ConntrackTuple connection = tuple(Protocol.TCP, 4000, "10.96.0.10");
            ConntrackTuple untranslated = tuple(Protocol.UDP, 4001, "10.96.0.10");
            ConntrackTuple elsewhere = tuple(Protocol.UDP, 4002, "192.0.2.10");
            conntrack.add(Map.of(
                    datagrams, tuple(Protocol.UDP, 4000, "10.1.0.9"),
                    connection, tuple(Protocol.TCP, 4000, "10.1.0.9"),
                    untranslated, untranslated,
                    elsewhere, tuple(Protocol.UDP, 4002, "10.1.0.9")));

            assertThat(stale.forgetAll(NO_SERVICES)).isEqualTo(1);

            assertThat(conntrack.entries(IpFamily.IPV4))
                    .extracting(entry -> entry.original())
                    .containsExactlyInAnyOrder(connection, untranslated, elsewhere);
        }
    }
}
