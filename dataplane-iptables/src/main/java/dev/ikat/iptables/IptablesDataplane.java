package dev.ikat.iptables;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.FirewallAcceptance;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.SourceGuard;
import java.util.EnumSet;
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
    private Optional<IptablesVariant> variant;

    /**
     * Works in the network namespace in which the programs run.
     *
     * @param variant which of the two; empty for the one that the host uses, which is detected when it is first needed
     * @param logGroup the NFLOG group to which drops are logged; empty for none
     */
    public IptablesDataplane(Programs programs, Optional<IptablesVariant> variant, OptionalInt logGroup) {
        this.programs = programs;
        this.variant = variant;
        this.logGroup = logGroup;
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

    @Override
    public PolicyBackend policy() {
        return new IptablesBackend(programs, variant(), logGroup);
    }

    @Override
    public Masquerading masquerading() {
        return new IptablesMasquerade(programs, variant());
    }

    @Override
    public SourceGuard guard() {
        return new IptablesGuard(programs, variant(), logGroup);
    }

    @Override
    public FirewallAcceptance acceptance() {
        return new IptablesAcceptance(programs);
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
                }
                LOG.atInfo()
                        .addKeyValue("capability", capability)
                        .addKeyValue("backend", "iptables")
                        .addKeyValue("variant", former)
                        .log("former-rules-removed");
            }
        }
    }

    private boolean isPresent(Capability capability, IptablesVariant former) {
        return switch (capability) {
            case POLICY -> IptablesBackend.isPresent(programs, former);
            case MASQUERADE -> IptablesMasquerade.isPresent(programs, former);
            case GUARD -> IptablesGuard.isPresent(programs, former);
            case ACCEPTANCE -> IptablesAcceptance.isPresent(programs, former);
        };
    }

    @Override
    public void close() {
        // Each program that it runs ends by itself.
    }
}
