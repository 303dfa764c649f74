package dev.ikat.netlink.route;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.EnumSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
final class RtnetlinkTest extends NetlinkContract {
    private final TestNamespace test = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());
    private final Rtnetlink rtnetlink = Rtnetlink.open(namespace);

    @AfterEach
    void close() {
        rtnetlink.close();
        namespace.close();
        test.close();
    }

    @Test
    void sourceIsThatOfTheWayThere() {
        test.ip("link", "set", "lo", "up");
        test.ip("link", "add", "out0", "type", "veth", "peer", "name", "out1");
        test.ip("link", "set", "out1", "addrgenmode", "none", "up");
        test.ip("link", "set", "out0", "addrgenmode", "none", "up");
        test.ip("address", "add", "192.0.2.1/24", "dev", "out0");
        test.ip("address", "add", "2001:db8::1/64", "dev", "out0", "nodad");
        test.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.2");
        test.ip("route", "add", "2001:db8:7::/64", "via", "2001:db8::2");

        assertThat(rtnetlink.sourceTo(IpAddress.parse("198.51.100.9"))).hasValue(IpAddress.parse("192.0.2.1"));
        assertThat(rtnetlink.sourceTo(IpAddress.parse("192.0.2.1"))).hasValue(IpAddress.parse("192.0.2.1"));
        assertThat(rtnetlink.sourceTo(IpAddress.parse("2001:db8:7::9"))).hasValue(IpAddress.parse("2001:db8::1"));
        assertThat(rtnetlink.sourceTo(IpAddress.parse("203.0.113.9"))).isEmpty();
        assertThat(rtnetlink.sourceTo(IpAddress.parse("2001:db8:8::9"))).isEmpty();
    }

    @Override
    Netlink open() {
        return rtnetlink;
    }

    @Override
    RouteEvents listen() {
        return RouteMonitor.open(namespace, EnumSet.allOf(Group.class));
    }
}
