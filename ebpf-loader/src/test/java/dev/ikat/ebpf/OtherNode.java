package dev.ikat.ebpf;

import dev.ikat.backendtests.OverlayNode;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestNamespace;
import java.util.List;

/**
 * What a node of RoutedNode reaches through the overlay, as Ikat makes it, by {@code ip} alone: a node that is a pod,
 * too.
 */
final class OtherNode implements AutoCloseable {
    private static final int MTU = 1450;

    /** Its pod's addresses. */
    static final List<IpAddress> ADDRESSES =
            List.of(IpAddress.parse("10.244.2.5"), IpAddress.parse("fd00:10:244:2::5"));

    private final TestNamespace namespace = TestNamespace.create();

    OtherNode(TestNamespace node, TestNamespace... pods) {
        node.ip("link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", namespace.name());
        OverlayNode.join(node, 1, 2);
        OverlayNode.join(namespace, 2, 1);
        for (IpAddress address : ADDRESSES) {
            namespace.ip("addr", "add", address.toString(), "dev", "lo");
        }
        for (TestNamespace pod : pods) {
            pod.ip("link", "set", "eth0", "mtu", String.valueOf(MTU));
        }
    }

    TestNamespace namespace() {
        return namespace;
    }

    @Override
    public void close() {
        namespace.close();
    }
}
