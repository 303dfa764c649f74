package dev.ikat.iptables;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.FirewallAcceptance;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** iptables and ipset with all capabilities, in the variant that the host uses. Thread-safe. */
public final class IptablesDataplane implements Dataplane {
    private static final Logger LOG = LoggerFactory.getLogger(IptablesDataplane.class);

    private final Programs programs;
    private final OptionalInt logGroup;
    private final FormerTables tables;
    private final Listings listings;
    private Optional<IptablesVariant> variant;

    /**
     * Works in the network namespace in which the programs run.
     *
     * @param variant which of the two; empty for the one that the host uses, which is detected when it is first needed
     * @param logGroup the NFLOG group to which drops are logged; empty for none
     * @param runDirectory where it is recorded which tables there were before
     */
    public IptablesDataplane(
            Programs programs, Optional<IptablesVariant> variant, OptionalInt logGroup, Path runDirectory) {
        this.programs = programs;
        this.variant = variant;
        this.logGroup = logGroup;
        this.tables = new FormerTables(programs, runDirectory);
        this.listings = new Listings(programs);
    }

    @Override
    public String name() {
        return "iptables";
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.allOf(Capability.class);
    }

    private synchronized IptablesVariant variant() {
        if (variant.isEmpty()) {
            variant = Optional.of(IptablesVariant.detect(programs));
            LOG.atInfo().addKeyValue("variant", variant.get()).log("iptables-variant");
        }
        return variant.get();
    }

    /** The variant, whose tables are about to be used. */
    private IptablesVariant used() {
        listings.use();
        IptablesVariant used = variant();
        if (used == IptablesVariant.NFT) {
            try {
                tables.remember();
            } catch (IptablesException e) {
                // Whoever uses it is told the same, and says so.
                LOG.atDebug().addKeyValue("reason", e.getMessage()).log("iptables-unusable");
            }
        }
        return used;
    }

    @Override
    public PolicyBackend policy() {
        return new IptablesBackend(programs, used(), logGroup);
    }

    @Override
    public Masquerading masquerading() {
        return new IptablesMasquerade(programs, used());
    }

    @Override
    public SourceGuard guard() {
        return new IptablesGuard(programs, used(), logGroup);
    }

    @Override
    public FirewallAcceptance acceptance() {
        listings.use();
        return new IptablesAcceptance(programs);
    }

    @Override
    public ServiceBackend services() {
        return new IptablesServices(programs, used());
    }

    @Override
    public List<StickyClient> stickyClients(ServiceProgram program) {
        return IptablesServices.stickyClients(programs, program);
    }

    @Override
    public void removeLeft(Capability capability, boolean inUse) {
        for (IptablesVariant former : IptablesVariant.values()) {
            // The host's own firewall may be both variants' at once.
            boolean stays = inUse && (capability == Capability.ACCEPTANCE || former == variant());
            if (!stays && isPresent(capability, former)) {
                switch (capability) {
                    case POLICY -> new IptablesBackend(programs, former, OptionalInt.empty()).remove();
                    case MASQUERADE -> new IptablesMasquerade(programs, former).remove();
                    case GUARD -> new IptablesGuard(programs, former, OptionalInt.empty()).remove();
                    case ACCEPTANCE -> new IptablesAcceptance(programs).remove();
                    case SERVICES -> new IptablesServices(programs, former).remove();
                }
                listings.forget();
                LOG.atInfo()
                        .addKeyValue("capability", capability)
                        .addKeyValue("backend", "iptables")
                        .addKeyValue("variant", former)
                        .log("former-rules-removed");
            }
        }
        if (!inUse) {
            tables.removeUnused();
        }
    }

    private boolean isPresent(Capability capability, IptablesVariant former) {
        return switch (capability) {
            case POLICY -> IptablesBackend.isPresent(listings, former);
            case MASQUERADE -> IptablesMasquerade.isPresent(listings, former);
            case GUARD -> IptablesGuard.isPresent(listings, former);
            case ACCEPTANCE -> IptablesAcceptance.isPresent(listings, former);
            case SERVICES -> IptablesServices.isPresent(listings, former);
        };
    }

    @Override
    public void close() {
        // Each program that it runs ends by itself.
    }
}
