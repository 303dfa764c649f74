package dev.ikat.agent.node;

import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniException;
import dev.ikat.cni.NetworkConfig;
import dev.ikat.cni.PodNetwork;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressRange;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collections;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;

/**
 * What the plugin needs to know about the node, from the node object: addresses from its pod CIDRs, and the MTU of the
 * path to the other nodes. Pods are wired once everything has been in order for the first time. Later failures are
 * repaired in the background; new pods are refused only if the node's addresses turn out to belong to another node.
 */
public final class AgentPodNetwork implements PodNetwork {
    private final Readiness readiness;
    private final Optional<Integer> gsoMaxSize;
    private volatile Optional<NodeSituation> situation = Optional.empty();
    private volatile Optional<AddressPlan> plan = Optional.empty();
    private volatile Set<IpFamily> families = Set.of();
    /** What no pod may be given, also by a network configuration that has ranges of its own. */
    private volatile NavigableSet<IpAddress> held = Collections.emptyNavigableSet();

    private volatile boolean wasReady;

    private final InstantSource clock;
    private final Instant expected;

    /** @param expected until when this agent is expected to be ready, because it takes the place of another one */
    public AgentPodNetwork(Readiness readiness, Optional<Integer> gsoMaxSize, InstantSource clock, Instant expected) {
        this.readiness = readiness;
        this.gsoMaxSize = gsoMaxSize;
        this.clock = clock;
        this.expected = expected;
    }

    /**
     * From now on this is the case.
     *
     * @param given the families that pods are given addresses of, whatever ranges there are
     * @param taken the addresses that the host has for itself
     * @throws IllegalArgumentException if that leaves a pod CIDR without any; then what was known before holds
     */
    void update(NodeSituation now, Set<IpFamily> given, NavigableSet<IpAddress> taken) {
        List<AddressRange> ranges =
                now.self().podCidrs().stream().map(AddressRange::of).toList();
        plan = new AddressPlan(ranges).of(given).map(all -> all.without(taken));
        families = Set.copyOf(given);
        held = taken;
        situation = Optional.of(now);
    }

    /** Everything is in order. */
    public void markReady() {
        wasReady = true;
    }

    /** What is known of the node; empty before its object is. */
    public Optional<NodeSituation> situation() {
        return situation;
    }

    /** The node's own address plan; empty before its object is known, and if it can't give pods an address. */
    public Optional<AddressPlan> nodePlan() {
        return plan;
    }

    /** The same for pods that are wired to find out whether the node is ready. */
    public PodNetwork beforeReady() {
        AgentPodNetwork node = this;
        return new PodNetwork() {
            @Override
            public void requireReady(NetworkConfig config) {
                node.requireOwnAddresses();
            }

            @Override
            public AddressPlan addressPlan(NetworkConfig config) {
                return node.addressPlan(config);
            }

            @Override
            public int mtu(NetworkConfig config) {
                return node.mtu(config);
            }

            @Override
            public Optional<CniException> status(NetworkConfig config) {
                return node.status(config);
            }
        };
    }

    /** Also where it was ready before: an address of somebody else's block would take that one's packets. */
    private Optional<CniException> refusal(CniError error) {
        return situation
                .flatMap(now -> now.overlay().refusal())
                .map(reason -> new CniException(error, "this node must not assign addresses to pods now", reason));
    }

    private CniException notReady(CniError error) {
        return new CniException(error, "the agent is not ready yet", String.join("; ", readiness.reasons()));
    }

    private void requireOwnAddresses() {
        Optional<CniException> refusal = refusal(CniError.TRY_AGAIN_LATER);
        if (refusal.isPresent()) {
            throw refusal.get();
        }
    }

    @Override
    public void requireReady(NetworkConfig config) {
        requireOwnAddresses();
        if (!wasReady) {
            throw notReady(CniError.TRY_AGAIN_LATER);
        }
    }

    @Override
    public AddressPlan addressPlan(NetworkConfig config) {
        Optional<AddressPlan> own = config.addressPlan();
        if (own.isEmpty()) {
            return nodePlan().orElseThrow(this::nodeUnknown);
        }
        if (situation.isEmpty()) {
            return own.get();
        }
        AddressPlan possible = own.get().of(families).orElseThrow(() -> familyMissing(config));
        try {
            return possible.without(held);
        } catch (IllegalArgumentException e) {
            throw new CniException(
                    CniError.TRY_AGAIN_LATER, "this host has all addresses of 'ipam.ranges' for itself", e);
        }
    }

    @Override
    public int mtu(NetworkConfig config) {
        return config.mtu()
                .orElseGet(
                        () -> situation.orElseThrow(this::nodeUnknown).overlay().podMtu());
    }

    @Override
    public Optional<Integer> gsoMaxSize() {
        return gsoMaxSize;
    }

    private static CniException familyMissing(NetworkConfig config) {
        return new CniException(
                CniError.INVALID_NETWORK_CONFIG,
                "pods of this node can't have IPv6 addresses, and network '" + config.name() + "' has no others",
                "'ikat-agent status' says why; add an IPv4 range to 'ipam.ranges'");
    }

    private CniException nodeUnknown() {
        return new CniException(
                CniError.TRY_AGAIN_LATER,
                "the agent does not know this node's pod CIDRs yet",
                String.join("; ", readiness.reasons()));
    }

    /**
     * What an ADD would be told, and nothing else: a runtime reports a node whose plugin fails as not ready, and the
     * cluster then takes the node's pods out of their services, and after minutes away. What else is not in order is
     * said by the agent's own readiness.
     */
    @Override
    public Optional<CniException> status(NetworkConfig config) {
        Optional<CniException> refusal = refusal(wasReady ? CniError.LIMITED_CONNECTIVITY : CniError.NOT_AVAILABLE);
        if (refusal.isPresent() || wasReady || clock.instant().isBefore(expected)) {
            return refusal;
        }
        return Optional.of(notReady(CniError.NOT_AVAILABLE));
    }
}
