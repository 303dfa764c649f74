package dev.ikat.ebpf;

import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ebpf.connection.Connections;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.ebpf.service.Translations;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.policy.program.PolicyProgram;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands open connections over between the programs and the kernel's connection tracking, as far as that is possible,
 * and ends those of the programs.
 */
final class TrackedConnections {
    private static final Logger LOG = LoggerFactory.getLogger(TrackedConnections.class);

    private final NetworkNamespace namespace;

    TrackedConnections(NetworkNamespace namespace) {
        this.namespace = namespace;
    }

    /**
     * Has the programs of a namespace, if there are any, delete the connections that have one of these addresses.
     *
     * @throws PolicyBackendException if the kernel refuses
     */
    static void end(NetworkNamespace namespace, Set<IpAddress> addresses) {
        Pins pins = new Pins(namespace);
        if (!pins.isPresent()) {
            return;
        }
        try {
            Connections.withPinned(
                    pins.path(EbpfBackend.CONNECTIONS_PIN), table -> Connections.forget(table, addresses));
            Translations.forget(pins, addresses);
        } catch (BpfException e) {
            throw new PolicyBackendException("eBPF could not delete connections: " + e.getMessage(), e);
        }
    }

    /** The addresses of a program's endpoints. */
    static Set<IpAddress> ends(PolicyProgram program) {
        return program.pods().values().stream()
                .flatMap(pod -> pod.endpoint().addresses().stream())
                .collect(Collectors.toUnmodifiableSet());
    }

    /** See {@link Connections#takeOver}. */
    void takeOver(BpfMap connections, Set<IpAddress> ends, int epoch) {
        try (Conntrack conntrack = Conntrack.open(namespace)) {
            Connections.takeOver(conntrack, connections, ends, epoch);
        } catch (NetlinkException e) {
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("connections-not-taken-over");
        }
    }

    /** See {@link Translations#handOver}. */
    void handOverServices(Pins pins) {
        handOver(conntrack -> Translations.handOver(pins, conntrack));
    }

    /** See {@link Connections#handOver}. */
    void handOver(BpfMap connections) {
        handOver(conntrack -> Connections.handOver(connections, conntrack));
    }

    private void handOver(Consumer<Conntrack> what) {
        try (Conntrack conntrack = Conntrack.open(namespace)) {
            what.accept(conntrack);
        } catch (NetlinkException e) {
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("connections-not-handed-over");
        }
    }
}
