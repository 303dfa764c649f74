package dev.ikat.agent.dataplane;

import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ebpf.EbpfDataplane;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.ebpf.socket.ControlGroups;
import dev.ikat.iptables.IptablesDataplane;
import dev.ikat.iptables.Programs;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The dataplanes of this node, and the choice which of them is to be in force. Each dataplane describes its own
 * capabilities: only this registry's factory knows their classes. Thread-safe.
 */
public final class Dataplanes implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Dataplanes.class);

    private final Map<Backend, Dataplane> all;
    private volatile Backend chosen;

    /**
     * A registry of these.
     *
     * @param all the dataplanes, by the setting that chooses each; earlier ones are preferred for a capability that the
     *     chosen one does not have
     * @param chosen the one that is to enforce policies; {@link Backend#NONE} for none
     */
    public Dataplanes(Map<Backend, Dataplane> all, Backend chosen) {
        this.all = new EnumMap<>(all);
        this.chosen = chosen;
    }

    /**
     * All dataplanes of Ikat, in the calling thread's network namespace.
     *
     * @param nftables nftables
     * @param outside how eBPF serves connections from outside to services
     * @param told receives drops from a backend that does not use the kernel's log
     * @param runDirectory where they record what they found
     */
    public static Dataplanes of(
            NftablesDataplane nftables,
            PolicySettings settings,
            Outside outside,
            Consumer<LoggedPacket> told,
            Path runDirectory) {
        Map<Backend, Dataplane> all = new EnumMap<>(Backend.class);
        all.put(Backend.NFTABLES, nftables);
        all.put(
                Backend.IPTABLES,
                new IptablesDataplane(Programs.here(), settings.variant(), settings.dropLogGroup(), runDirectory));
        all.put(
                Backend.EBPF,
                new EbpfDataplane(
                        NetworkNamespace.current(),
                        new EbpfSettings(
                                settings.cutConnections(),
                                true,
                                true,
                                settings.sampleAccepted(),
                                settings.tableLimits()),
                        settings.dropLogGroup().isPresent() ? Optional.of(told) : Optional.empty(),
                        ControlGroups.top(System.getenv()),
                        outside,
                        nftables));
        return new Dataplanes(all, settings.backend());
    }

    /** The one that is to be in force. */
    public Backend chosen() {
        return chosen;
    }

    /** Chooses this one from now on. */
    public void choose(Backend other) {
        chosen = other;
    }

    /**
     * The dataplane that a setting names.
     *
     * @throws IllegalArgumentException for {@link Backend#NONE}, and for one that is not registered
     */
    public Dataplane get(Backend backend) {
        Dataplane dataplane = all.get(backend);
        if (dataplane == null) {
            throw new IllegalArgumentException("unknown dataplane " + backend);
        }
        return dataplane;
    }

    /**
     * The dataplane that is to have a capability on this node: the chosen one if it has it, else the first that has it
     * and can be used here, else the last that has it, which then says what it lacks.
     */
    public Dataplane with(Capability capability) {
        Optional<Dataplane> preferred = Optional.ofNullable(all.get(chosen))
                .filter(found -> found.capabilities().contains(capability));
        if (preferred.isPresent()) {
            return preferred.get();
        }
        Optional<Dataplane> last = Optional.empty();
        for (Dataplane dataplane : all.values()) {
            if (dataplane.capabilities().contains(capability)) {
                if (dataplane.missing().isEmpty()) {
                    return dataplane;
                }
                last = Optional.of(dataplane);
            }
        }
        return last.orElseThrow(() -> new IllegalStateException("no dataplane has the capability " + capability));
    }

    /**
     * The clients that have one of the program's backends with dataplanes other than this one and those that it stands
     * on, whichever process put those in force.
     *
     * @throws RuntimeException if the kernel can't be asked
     */
    public List<StickyClient> stickyClientsBeside(Dataplane successor, ServiceProgram program) {
        List<StickyClient> clients = new ArrayList<>();
        if (program.frontends().values().stream()
                .anyMatch(frontend -> frontend.affinity().isPresent())) {
            for (Dataplane dataplane : all.values()) {
                if (!dataplane.equals(successor) && !successor.standsOn(dataplane, Capability.SERVICES)) {
                    clients.addAll(dataplane.stickyClients(program));
                }
            }
        }
        return StickyClient.latest(clients);
    }

    /**
     * Removes what agents with other settings left of a capability.
     *
     * @param inUse the dataplane that has it in force now; empty if none has
     */
    public void removeLeft(Capability capability, Optional<Dataplane> inUse) {
        for (Dataplane dataplane : all.values()) {
            dataplane.removeLeft(
                    capability,
                    inUse.filter(used -> used.equals(dataplane) || used.standsOn(dataplane, capability))
                            .isPresent());
        }
    }

    /**
     * Ends the connections with these addresses that only dataplanes know, and not the kernel's connection tracking.
     */
    public void endConnections(Set<IpAddress> addresses) {
        for (Dataplane dataplane : all.values()) {
            try {
                dataplane.endConnections(addresses);
            } catch (PolicyBackendException e) {
                LOG.atWarn().addKeyValue("reason", e.getMessage()).log("connections-not-ended");
            }
        }
    }

    /** How full the dataplanes' own tables are, by name. */
    public Map<String, Double> tables() {
        Map<String, Double> tables = new HashMap<>();
        all.values().forEach(dataplane -> tables.putAll(dataplane.fill()));
        return tables;
    }

    @Override
    public void close() {
        all.values().forEach(Dataplane::close);
    }
}
