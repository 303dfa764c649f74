package dev.ikat.bench;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.EbpfDataplane;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.iptables.IptablesServices;
import dev.ikat.iptables.IptablesVariant;
import dev.ikat.iptables.Programs;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.TestNamespace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** A way in which Ikat has services in force on a node. */
final class ServicePlane implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    final ServiceBackend services;
    private final List<Runnable> parts = new ArrayList<>();

    /** The dataplanes. */
    enum Kind {
        nftables,
        ebpf,
        iptables
    }

    /** Opens it; no services are in force yet. */
    ServicePlane(Kind kind, TestNamespace node) {
        services = switch (kind) {
            case nftables -> nftables(node).services();
            case iptables -> new IptablesServices(new Programs(node.entering(List.of())), IptablesVariant.LEGACY);
            case ebpf -> ebpf(node);
        };
        parts.add(services::close);
    }

    private Dataplane nftables(TestNamespace node) {
        NftablesDataplane nftables = new NftablesDataplane(true, OptionalInt.empty());
        parts.add(nftables::close);
        Optional<String> missing = InNamespace.call(node.path(), nftables::missing);
        missing.ifPresent(reason -> {
            throw new IllegalStateException(reason);
        });
        return nftables;
    }

    private ServiceBackend ebpf(TestNamespace node) {
        NetworkNamespace namespace = NetworkNamespace.open(node.path());
        parts.add(namespace::close);
        EbpfDataplane ebpf = new EbpfDataplane(
                namespace, EbpfSettings.USUAL, Optional.empty(), OwnControlGroup.path(), Outside.LEFT, nftables(node));
        parts.add(ebpf::close);
        PolicyBackend policies = ebpf.policy();
        parts.add(policies::close);
        policies.replace(SampleServices.pods());
        return ebpf.services();
    }

    /** Waits until pods' connections are translated in eBPF, which is when it is quiet: nobody else sees them then. */
    static void awaitEbpf(BenchLane lane, Runnable connection) {
        TestNamespace node = lane.node.namespace();
        String address = SampleServices.address(0).getAddress().getHostAddress();
        Await.until(LIMIT, () -> "eBPF does not translate", () -> {
            node.exec("conntrack", "--flush");
            connection.run();
            return node.exec("conntrack", "-L", "--orig-dst", address).isEmpty();
        });
    }

    @Override
    public void close() {
        services.remove();
        parts.reversed().forEach(Runnable::run);
    }
}
