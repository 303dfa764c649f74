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
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.TestNamespace;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** A way in which Ikat has services in force on a node. */
final class ServicePlane implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    final ServiceBackend services;
    private final TestNamespace node;
    private Optional<Dataplane> nftables = Optional.empty();
    private final List<Runnable> parts = new ArrayList<>();

    /** The dataplanes. */
    enum Kind {
        nftables,
        ebpf,
        iptables
    }

    /**
     * Opens it; no services are in force yet.
     *
     * @param outside how eBPF serves connections from outside
     * @param pods the node's, to whose interfaces eBPF attaches its programs
     */
    ServicePlane(Kind kind, TestNamespace node, Outside outside, PolicyProgram pods) {
        this.node = node;
        services = switch (kind) {
            case nftables -> nftables().services();
            case iptables -> new IptablesServices(new Programs(node.entering(List.of())), IptablesVariant.LEGACY);
            case ebpf -> ebpf(outside, pods);
        };
        parts.add(services::close);
    }

    /** nftables on this node, which it opens at the first call. */
    Dataplane nftables() {
        if (nftables.isEmpty()) {
            NftablesDataplane opened = new NftablesDataplane(true, OptionalInt.empty());
            nftables = Optional.of(opened);
            parts.add(opened::close);
            Optional<String> missing = InNamespace.call(node.path(), opened::missing);
            missing.ifPresent(reason -> {
                throw new IllegalStateException(reason);
            });
        }
        return nftables.orElseThrow();
    }

    private ServiceBackend ebpf(Outside outside, PolicyProgram pods) {
        NetworkNamespace namespace = NetworkNamespace.open(node.path());
        parts.add(namespace::close);
        EbpfDataplane ebpf = new EbpfDataplane(
                namespace, EbpfSettings.USUAL, Optional.empty(), OwnControlGroup.path(), outside, nftables());
        parts.add(ebpf::close);
        PolicyBackend policies = ebpf.policy();
        parts.add(policies::close);
        policies.replace(pods);
        return ebpf.services();
    }

    /**
     * Waits until connections to a service are translated in eBPF, which is when connection tracking knows of none.
     *
     * @param connection makes one
     */
    void awaitEbpf(InetSocketAddress service, Runnable connection) {
        String address = service.getAddress().getHostAddress();
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
