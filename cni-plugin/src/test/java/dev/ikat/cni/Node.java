package dev.ikat.cni;

import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A node in a namespace, served by the plugin in this process, and what its runtime would ask. */
final class Node implements AutoCloseable {
    static final String CONFIG = """
            {"cniVersion": "1.0.0", "name": "test", "type": "ikat"%s}""";

    final TestNamespace namespace = TestNamespace.create();
    final NodeNetwork network = NodeNetwork.of(NetworkNamespace.open(namespace.path()));
    final PodConnections connections = new TrackedConnections(network, warning -> {
        throw new AssertionError(warning);
    });
    final LeaseStore leases;
    final Reaper reaper;
    final Recovery recovery;
    final CniPlugin plugin;
    volatile PodPolicy policy = PodPolicy.NONE;

    Node(Path directory, AddressPlan plan, StepObserver observer, boolean batched) {
        leases = LeaseStore.open(directory, Clock.systemUTC());
        reaper = batched
                ? new BatchReaper(leases, network, delegate(), connections, observer, e -> {
                            throw e;
                        })
                        .start()
                : new DirectReaper(leases, network, connections, observer);
        recovery = new Recovery(leases, network, reaper, Clock.systemUTC(), Duration.ZERO, pid -> false);
        plugin = new CniPlugin(leases, network, new FixedNetwork(plan), delegate(), reaper, observer);
    }

    private PodPolicy delegate() {
        return new PodPolicy() {
            @Override
            public Enforcement enforce(Lease lease) {
                return policy.enforce(lease);
            }

            @Override
            public void release(Lease lease) {
                policy.release(lease);
            }
        };
    }

    static AddressPlan dualStack() {
        return AddressPlan.of(Cidr.parse("10.77.0.0/24"), Cidr.parse("fd77::/64"));
    }

    CniResponse call(Verb verb, String container, String interfaceName, Path netns, String moreConfig) {
        return call(
                verb,
                Map.of("CNI_CONTAINERID", container, "CNI_IFNAME", interfaceName, "CNI_NETNS", netns.toString()),
                CONFIG.formatted(moreConfig));
    }

    CniResponse call(Verb verb, Map<String, String> environment, String stdin) {
        Map<String, String> all = new HashMap<>(environment);
        all.put("CNI_COMMAND", verb.name());
        return plugin.handle(new CniRequest(all, stdin.getBytes(StandardCharsets.UTF_8)));
    }

    CniResponse add(String container, TestNamespace pod) {
        return call(Verb.ADD, container, "eth0", pod.path(), "");
    }

    CniResponse del(String container, TestNamespace pod) {
        return call(Verb.DEL, container, "eth0", pod.path(), "");
    }

    static String text(CniResponse response) {
        return new String(response.stdout(), StandardCharsets.UTF_8);
    }

    static Json json(CniResponse response) {
        return Json.parse(text(response));
    }

    static Attachment attachment(String container) {
        return new Attachment(new ContainerId(container), new InterfaceName("eth0"));
    }

    /** The node's links besides loopback, and its routes: what must be empty when nothing is left. */
    List<String> remains() {
        List<String> remains = new java.util.ArrayList<>(namespace.linkNames());
        remains.remove("lo");
        namespace.ip("route").lines().forEach(remains::add);
        namespace
                .ip("-6", "route")
                .lines()
                .filter(route -> route.contains("ik"))
                .forEach(remains::add);
        leases.leases().forEach(lease -> remains.add(lease.toString()));
        return remains;
    }

    @Override
    public void close() {
        reaper.close();
        leases.close();
        network.close();
        namespace.close();
    }

    record FixedNetwork(AddressPlan plan) implements PodNetwork {
        @Override
        public void requireReady(NetworkConfig config) {}

        @Override
        public AddressPlan addressPlan(NetworkConfig config) {
            return config.addressPlan().orElse(plan);
        }

        @Override
        public int mtu(NetworkConfig config) {
            return config.mtu().orElse(1450);
        }

        @Override
        public Optional<CniException> status(NetworkConfig config) {
            return Optional.empty();
        }
    }
}
