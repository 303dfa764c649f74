package dev.ikat.ebpf;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.OverlayNode;
import dev.ikat.backendtests.Witness;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.ebpf.service.Surroundings;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** One of two nodes with an overlay between them, with Ikat's eBPF and nftables. Its pods are witnesses. */
final class ServedNode implements AutoCloseable {
    final OverlayNode node;
    private final List<Witness> servers;
    private final NetworkNamespace namespace;
    private final NftablesDataplane nftables = new NftablesDataplane(false, OptionalInt.empty());
    private final EbpfDataplane ebpf;
    private EbpfBackend policies;
    private ServiceBackend services;

    ServedNode(OverlayNode node, EbpfSettings settings, boolean direct) {
        this.node = node;
        servers = node.pods().entrySet().stream()
                .map(pod -> new Witness(pod.getValue(), pod.getKey()))
                .toList();
        namespace = NetworkNamespace.open(node.namespace().path());
        InNamespace.call(node.namespace().path(), nftables::missing);
        Surroundings around = new Surroundings(OverlayNode.UPLINK, node.addresses(), OverlayNode.nodes());
        ebpf = new EbpfDataplane(
                namespace,
                settings,
                Optional.empty(),
                Optional.empty(),
                new Outside(direct, () -> Optional.of(around)),
                nftables);
        policies = (EbpfBackend) ebpf.policy();
        services = ebpf.services();
        node.protect(nftables);
        policies.replace(node.open());
    }

    TestNamespace namespace() {
        return node.namespace();
    }

    EbpfBackend policies() {
        return policies;
    }

    ServiceBackend services() {
        return services;
    }

    NftablesDataplane nftables() {
        return nftables;
    }

    /** Waits until the programs are at the uplink and at all pods. */
    void awaitPrograms() {
        Await.until(
                Duration.ofSeconds(10),
                () -> "%d pods have their connections translated, and those from outside: %s"
                        .formatted(policies.translated(), policies.isAtUplink()),
                () -> policies.translated() == OverlayNode.PODS && policies.isAtUplink() && policies.reachesOverlay());
    }

    /** Ends as the agent does, and another begins. */
    void restart() {
        services.close();
        policies.close();
        policies = (EbpfBackend) ebpf.policy();
        services = ebpf.services();
        policies.replace(node.open());
    }

    @Override
    public void close() {
        services.remove();
        services.close();
        policies.remove();
        policies.close();
        nftables.close();
        servers.forEach(Witness::close);
        namespace.close();
        node.close();
    }
}
