package dev.ikat.agent;

import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.iptables.IptablesBackend;
import dev.ikat.iptables.IptablesMasquerade;
import dev.ikat.iptables.IptablesVariant;
import dev.ikat.iptables.Programs;
import dev.ikat.nftables.Masquerade;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesUnavailableException;
import dev.ikat.policy.program.Masquerading;
import dev.ikat.policy.program.PolicyBackend;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What can enforce policies and masquerade on this node, and which of it is to. Thread-safe. */
final class Dataplanes {
    private static final Logger LOG = LoggerFactory.getLogger(Dataplanes.class);

    private final NftablesHolder table;
    private final OptionalInt logGroup;
    private final Programs programs = Programs.here();
    private Optional<IptablesVariant> variant;
    private volatile Backend chosen;

    /**
     * @param logGroup the NFLOG group that is told of drops; empty for none
     * @param variant of iptables; empty for what the host uses
     */
    Dataplanes(NftablesHolder table, Backend chosen, OptionalInt logGroup, Optional<IptablesVariant> variant) {
        this.table = table;
        this.chosen = chosen;
        this.logGroup = logGroup;
        this.variant = variant;
    }

    /** The one that is to be in force. */
    Backend chosen() {
        return chosen;
    }

    /** From now on it is to be this one. */
    void choose(Backend other) {
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
            case NFTABLES -> new NftablesBackend(table.get(), logGroup);
            case IPTABLES -> new IptablesBackend(programs, variant(), logGroup);
            case NONE -> throw new IllegalArgumentException("nothing enforces policies");
        };
    }

    /** What masquerades beside a backend of policies. */
    Masquerading masquerading(Backend kind) {
        return switch (kind) {
            case NFTABLES, NONE -> new Masquerade(table.get());
            case IPTABLES -> new IptablesMasquerade(programs, variant());
        };
    }

    /** Removes the policies that agents with other backends left. */
    void removeOtherPolicies(Backend kind) {
        if (kind != Backend.NFTABLES) {
            removeNftables(() -> {
                try (PolicyBackend former = policy(Backend.NFTABLES)) {
                    former.remove();
                }
            });
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
    void removeOtherMasquerading(Backend kind) {
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
    void removeMasquerading() {
        removeNftables(() -> masquerading(Backend.NFTABLES).remove());
        removeOtherMasquerading(Backend.NFTABLES);
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
