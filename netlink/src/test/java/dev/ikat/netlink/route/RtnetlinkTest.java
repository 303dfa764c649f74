package dev.ikat.netlink.route;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.EnumSet;
import org.junit.jupiter.api.AfterEach;

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

    @Override
    Netlink open() {
        return rtnetlink;
    }

    @Override
    RouteEvents listen() {
        return RouteMonitor.open(namespace, EnumSet.allOf(Group.class));
    }
}
