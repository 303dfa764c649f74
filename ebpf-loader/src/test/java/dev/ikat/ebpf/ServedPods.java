package dev.ikat.ebpf;

import dev.ikat.backendtests.RoutedNode;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.testbed.host.TestNamespace;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;

/** A node with four pods, for which eBPF does services; what a test keeps is closed with them. */
abstract class ServedPods {
    static final int PORT = 8080;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    final RoutedNode node = keep(new RoutedNode());
    private final Map<Integer, TestNamespace> pods = new HashMap<>();
    NodeServices services = new NodeServices(makePods(), EbpfSettings.USUAL);

    private TestNamespace makePods() {
        for (int number = 1; number <= 4; number++) {
            pods.put(number, node.addPod(RoutedNode.endpoint(number)));
        }
        return host();
    }

    final <T extends AutoCloseable> T keep(T kept) {
        open.push(kept);
        return kept;
    }

    @AfterEach
    void close() throws Exception {
        services.close();
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    final TestNamespace host() {
        return node.namespace();
    }

    final TestNamespace pod(int number) {
        return Optional.ofNullable(pods.get(number)).orElseThrow();
    }

    static IpAddress address(int pod, IpFamily family) {
        return RoutedNode.endpoint(pod).addresses().stream()
                .filter(address -> address.family() == family)
                .findFirst()
                .orElseThrow();
    }

    static Backend backend(int pod, IpFamily family) {
        return new Backend(address(pod, family), PORT);
    }

    /** The node's address on its way out, if it has one. */
    static IpAddress nodeAddress(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "172.31.9.1" : "fd31:9::1");
    }

    /** Gives the node a way out, without which netfilter translates nothing that is sent there. */
    final void connectOutside() {
        TestNamespace outside = keep(TestNamespace.create());
        host().ip("link", "set", "lo", "up");
        host().ip("link", "add", "out0", "type", "veth", "peer", "name", "out0", "netns", outside.name());
        outside.ip("link", "set", "out0", "up");
        host().ip("link", "set", "out0", "addrgenmode", "none", "up");
        for (IpFamily family : IpFamily.values()) {
            IpAddress own = nodeAddress(family);
            host().ip("address", "add", own + "/" + (family.bits() - 8), "dev", "out0", "nodad");
            host().ip("route", "add", "default", "via", own.plus(1).toString());
        }
    }
}
