package dev.ikat.netlink.route;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.IPV6})
class IcmpErrorTest {
    private static final IpAddress V4 = IpAddress.parse("10.244.2.0");
    private static final IpAddress V6 = IpAddress.parse("fd00:10:244:2::");

    private final Underlay underlay = new Underlay();
    private final TestNamespace here = TestNamespace.create();
    private final TestNamespace there = TestNamespace.create();

    @BeforeEach
    void attach() {
        underlay.attach(here, 0, 11);
        underlay.attach(there, 0, 12);
        there.sysctl("net.ipv4.conf.all.forwarding", "1");
        there.sysctl("net.ipv6.conf.all.forwarding", "1");
        here.ip("route", "add", V4 + "/24", "via", Underlay.v4(0, 12).address().toString());
        here.ip("route", "add", V6 + "/64", "via", Underlay.v6(0, 12).address().toString());
    }

    @AfterEach
    void remove() {
        here.close();
        there.close();
        underlay.close();
    }

    private Optional<IcmpError> provoke(IpAddress to) {
        try (NetworkNamespace namespace = NetworkNamespace.open(here.path())) {
            return namespace.call(() -> IcmpError.provoke(to, Duration.ofSeconds(2)));
        }
    }

    @Test
    void hostWithAnUnreachableRouteSaysThatItHasNoWay() {
        there.ip("route", "add", "unreachable", V4 + "/24");
        there.ip("-6", "route", "add", "unreachable", V6 + "/64");
        assertThat(provoke(V4))
                .hasValueSatisfying(error -> assertThat(error)
                        .returns(Underlay.v4(0, 12).address(), IcmpError::from)
                        .returns(true, IcmpError::isNoRoute));
        assertThat(provoke(V6))
                .hasValueSatisfying(error -> assertThat(error)
                        .returns(Underlay.v6(0, 12).address(), IcmpError::from)
                        .returns(true, IcmpError::isNoRoute));
    }

    @Test
    void hostWithTheAddressSaysThatNobodyListens() {
        there.ip("route", "add", "local", V4.toString(), "dev", "lo");
        there.ip("-6", "route", "add", "local", V6.toString(), "dev", "lo");
        assertThat(provoke(V4))
                .hasValueSatisfying(
                        error -> assertThat(error).returns(V4, IcmpError::from).returns(false, IcmpError::isNoRoute));
        // IPv6 answers from an address of a link.
        assertThat(provoke(V6))
                .hasValueSatisfying(error -> assertThat(error)
                        .returns(Underlay.v6(0, 12).address(), IcmpError::from)
                        .returns(false, IcmpError::isNoRoute));
    }

    @Test
    void packetThatIsLostIsToldByNobody() {
        there.ip("route", "add", "blackhole", V4 + "/24");
        there.ip("-6", "route", "add", "blackhole", V6 + "/64");
        assertThat(provoke(V4)).isEmpty();
        assertThat(provoke(V6)).isEmpty();
    }
}
