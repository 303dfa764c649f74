package dev.ikat.agent.dataplane;

import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.ebpf.EbpfBackend;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.iptables.IptablesBackend;
import dev.ikat.iptables.IptablesGuard;
import dev.ikat.iptables.IptablesMasquerade;
import dev.ikat.iptables.IptablesVariant;
import dev.ikat.iptables.Programs;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.nftables.Masquerade;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesGuard;
import dev.ikat.nftables.NftablesUnavailableException;
import dev.ikat.policy.program.Masquerading;
import dev.ikat.policy.program.PolicyBackend;
import dev.ikat.policy.program.PolicyBackendException;
import dev.ikat.policy.program.SourceGuard;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What can enforce policies, masquerade and guard sources on this node, and which of it is to. Thread-safe. */
public final class Dataplanes {
    private static final Logger LOG = LoggerFactory.getLogger(Dataplanes.class);

    private final NftablesHolder table;
    private final PolicySettings settings;
    private final Consumer<LoggedPacket> told;
    private final NetworkNamespace namespace = NetworkNamespace.current();
    private final Programs programs = Programs.here();
    private Optional<IptablesVariant> variant;
    private volatile Backend chosen;
    private volatile Optional<EbpfBackend> ebpf = Optional.empty();

    /**
     * Of the calling thread's network namespace.
     *
     * @param told of drops by a backend that does not tell the kernel's log
     */
    public Dataplanes(NftablesHolder table, PolicySettings settings, Consumer<LoggedPacket> told) {
        this.table = table;
        this.settings = settings;
        this.told = told;
        this.chosen = settings.backend();
        this.variant = settings.variant();
    }

    /** The one that is to be in force. */
    public Backend chosen() {
        return chosen;
    }

    /** From now on it is to be this one. */
    public void choose(Backend other) {
        chosen = other;
    }

    private synchronized IptablesVariant variant() {
        if (variant.isEmpty()) {
            variant = Optional.of(IptablesVariant.detect(programs));
            LOG.info("event=iptables-variant variant={}", variant.get());
        }
        return variant.get();
    }

    /** Opens a backend of policies. */
    PolicyBackend policy(Backend kind) {
        return switch (kind) {
            case NFTABLES -> new NftablesBackend(table.get(), settings.dropLogGroup());
            case IPTABLES -> new IptablesBackend(programs, variant(), settings.dropLogGroup());
            case EBPF -> {
                EbpfBackend opened = new EbpfBackend(
                        namespace,
                        new EbpfSettings(
                                settings.cutConnections(),
                                true,
                                true,
                                settings.sampleAccepted(),
                                settings.tableLimits()),
                        settings.dropLogGroup().isPresent() ? Optional.of(told) : Optional.empty());
                ebpf = Optional.of(opened);
                yield opened;
            }
            case NONE -> throw new IllegalArgumentException("nothing enforces policies");
        };
    }

    /** How full eBPF's tables are, by their name; nothing where others enforce. */
    public Map<String, Double> tables() {
        return ebpf.map(EbpfBackend::fill).orElse(Map.of());
    }

    /** Ends connections with these addresses that a backend knows, and not the kernel's connection tracking. */
    public void endConnections(Set<IpAddress> addresses) {
        try {
            EbpfBackend.endConnections(namespace, addresses);
        } catch (PolicyBackendException e) {
            LOG.warn("event=connections-not-ended reason=\"{}\"", e.getMessage());
        }
    }

    /**
     * What is to masquerade and to guard sources: what enforces policies, and beside eBPF or none nftables, or iptables
     * where that is not there.
     */
    public Backend netfilterBy() {
        return switch (chosen) {
            case NFTABLES -> Backend.NFTABLES;
            case IPTABLES -> Backend.IPTABLES;
            case EBPF, NONE -> {
                try {
                    table.get();
                    yield Backend.NFTABLES;
                } catch (NftablesUnavailableException e) {
                    yield Backend.IPTABLES;
                }
            }
        };
    }

    /** Opens what masquerades. */
    public Masquerading masquerading(Backend kind) {
        return switch (kind) {
            case NFTABLES -> new Masquerade(table.get());
            case IPTABLES -> new IptablesMasquerade(programs, variant());
            case EBPF, NONE -> throw new IllegalArgumentException(kind + " does not masquerade");
        };
    }

    /** Opens what guards sources. */
    public SourceGuard guard(Backend kind) {
        return switch (kind) {
            case NFTABLES -> new NftablesGuard(table.get(), settings.dropLogGroup());
            case IPTABLES -> new IptablesGuard(programs, variant(), settings.dropLogGroup());
            case EBPF, NONE -> throw new IllegalArgumentException(kind + " does not guard sources");
        };
    }

    /** Removes the policies that agents with other backends left. */
    public void removeOtherPolicies(Backend kind) {
        if (kind != Backend.NFTABLES) {
            removeNftables(() -> {
                try (PolicyBackend former = policy(Backend.NFTABLES)) {
                    former.remove();
                }
            });
        }
        if (kind != Backend.EBPF && EbpfBackend.isPresent(namespace)) {
            try (PolicyBackend former = policy(Backend.EBPF)) {
                former.remove();
            }
            LOG.info("event=former-policies-removed backend=ebpf");
        }
        for (IptablesVariant former : IptablesVariant.values()) {
            boolean inUse = kind == Backend.IPTABLES && former == variant();
            if (!inUse && IptablesBackend.isPresent(programs, former)) {
                try (PolicyBackend backend = new IptablesBackend(programs, former, OptionalInt.empty())) {
                    backend.remove();
                }
                LOG.info("event=former-policies-removed backend=iptables variant={}", former);
            }
        }
    }

    /** Removes what agents with other backends masqueraded by. */
    public void removeOtherMasquerading(Backend kind) {
        if (kind == Backend.IPTABLES) {
            removeNftables(() -> masquerading(Backend.NFTABLES).remove());
        }
        for (IptablesVariant former : IptablesVariant.values()) {
            boolean inUse = kind == Backend.IPTABLES && former == variant();
            if (!inUse && IptablesMasquerade.isPresent(programs, former)) {
                new IptablesMasquerade(programs, former).remove();
            }
        }
    }

    /** Removes every masquerading. */
    public void removeMasquerading() {
        removeNftables(() -> masquerading(Backend.NFTABLES).remove());
        removeOtherMasquerading(Backend.NFTABLES);
    }

    /** Removes what agents with other backends guarded sources by. */
    public void removeOtherGuards(Backend kind) {
        if (kind == Backend.IPTABLES) {
            removeNftables(() -> guard(Backend.NFTABLES).remove());
        }
        for (IptablesVariant former : IptablesVariant.values()) {
            boolean inUse = kind == Backend.IPTABLES && former == variant();
            if (!inUse && IptablesGuard.isPresent(programs, former)) {
                new IptablesGuard(programs, former, OptionalInt.empty()).remove();
            }
        }
    }

    /** Removes every guard. */
    public void removeGuards() {
        removeNftables(() -> guard(Backend.NFTABLES).remove());
        removeOtherGuards(Backend.NFTABLES);
    }

    private static void removeNftables(Runnable removal) {
        try {
            removal.run();
        } catch (NftablesUnavailableException e) {
            // Without the library there never was a table.
            LOG.debug("event=nftables-unavailable reason=\"{}\"", e.getMessage());
        }
    }
}
