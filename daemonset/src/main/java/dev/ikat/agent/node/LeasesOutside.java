package dev.ikat.agent.node;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pods whose addresses are in none of the node's pod CIDRs, because these have changed since. This node routes to
 * them as before, but the others no longer know that they are here. Thread-safe.
 */
public final class LeasesOutside {
    private static final Logger LOG = LoggerFactory.getLogger(LeasesOutside.class);

    private final LeaseStore leases;
    private final NetworkName network;
    private final Supplier<Optional<NodeSituation>> situation;
    private List<String> told = List.of();

    /**
     * @param network the one whose addresses are from the pod CIDRs; other networks have ranges of their own
     * @param situation what is known of the node; empty before its object is
     */
    public LeasesOutside(LeaseStore leases, NetworkName network, Supplier<Optional<NodeSituation>> situation) {
        this.leases = leases;
        this.network = network;
        this.situation = situation;
    }

    /** One line for each pod. */
    public List<String> faults() {
        Optional<NodeSituation> known = situation.get();
        if (known.isEmpty()) {
            return List.of();
        }
        List<Cidr> blocks = known.get().self().podCidrs();
        List<String> faults = new ArrayList<>();
        for (Lease lease : leases.leases()) {
            if (lease.state() == LeaseState.ACTIVE && lease.network().equals(network)) {
                outside(lease, blocks).ifPresent(address -> faults.add(fault(lease, address, blocks)));
            }
        }
        faults.sort(null);
        return faults;
    }

    private static Optional<IpAddress> outside(Lease lease, List<Cidr> blocks) {
        return lease.addresses().stream()
                .filter(address -> blocks.stream().noneMatch(block -> block.contains(address)))
                .findFirst();
    }

    private static String fault(Lease lease, IpAddress address, List<Cidr> blocks) {
        String who = lease.pod()
                .map(PodName::toString)
                .orElseGet(() -> lease.attachment().toString());
        return "pod " + who + " has the address " + address + ", which is in none of the node's pod CIDRs " + blocks
                + " any more, so that other nodes can't reach it; recreate the pod"
                + lease.pod()
                        .map(pod -> " ('kubectl -n " + pod.namespace() + " delete pod " + pod.name() + "')")
                        .orElse("");
    }

    /** Logs those that were not there the last time. */
    public synchronized void tell() {
        List<String> now = faults();
        now.stream()
                .filter(fault -> !told.contains(fault))
                .forEach(fault -> LOG.atWarn().addKeyValue("reason", fault).log("lease-outside-pod-cidrs"));
        told = now;
    }
}
