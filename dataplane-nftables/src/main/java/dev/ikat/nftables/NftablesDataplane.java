package dev.ikat.nftables;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * nftables with all capabilities, in one table. The table is opened when it is first needed, because loading the
 * library takes a considerable part of an agent's start, and the library need not be installed if nothing needs it.
 * Thread-safe.
 */
public final class NftablesDataplane implements Dataplane {
    private static final Logger LOG = LoggerFactory.getLogger(NftablesDataplane.class);

    private final boolean ownership;
    private final OptionalInt logGroup;
    private @Nullable NftablesTable table;

    /**
     * Works in the network namespace of the thread that first asks it for something of the kernel.
     *
     * @param ownership whether to keep other processes from changing the table, if the kernel supports that
     * @param logGroup the NFLOG group to which drops are logged; empty for none
     */
    public NftablesDataplane(boolean ownership, OptionalInt logGroup) {
        this.ownership = ownership;
        this.logGroup = logGroup;
    }

    @Override
    public String name() {
        return "nftables";
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.of(Capability.POLICY, Capability.MASQUERADE, Capability.GUARD, Capability.SERVICES);
    }

    private synchronized NftablesTable table() {
        NftablesTable open = table;
        if (open == null) {
            open = NftablesTable.open(ownership);
            table = open;
        }
        return open;
    }

    @Override
    public Optional<String> missing() {
        try {
            table();
            return Optional.empty();
        } catch (NftablesUnavailableException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public PolicyBackend policy() {
        return new NftablesBackend(table(), logGroup);
    }

    @Override
    public Masquerading masquerading() {
        return new Masquerade(table());
    }

    @Override
    public SourceGuard guard() {
        return new NftablesGuard(table(), logGroup);
    }

    @Override
    public ServiceBackend services() {
        return new NftablesServices(table());
    }

    @Override
    public List<StickyClient> stickyClients(ServiceProgram program) {
        return missing().isPresent() ? List.of() : StickyClients.read(table(), program);
    }

    @Override
    public void removeLeft(Capability capability, boolean inUse) {
        if (inUse) {
            return;
        }
        try {
            switch (capability) {
                case POLICY -> policy().remove();
                case MASQUERADE -> masquerading().remove();
                case GUARD -> guard().remove();
                case SERVICES -> table().remove(Owner.SERVICES);
                case ACCEPTANCE -> {
                    // A table of its own can't overrule what another refuses.
                }
            }
        } catch (NftablesUnavailableException e) {
            // Without the library there never was a table.
            LOG.atDebug().addKeyValue("reason", e.getMessage()).log("nftables-unavailable");
        }
    }

    @Override
    public boolean isWatched() {
        return true;
    }

    @Override
    public boolean isGone() {
        return !table().isPresent();
    }

    /** Whether other processes can change the table, if it is open. */
    public synchronized boolean isExposed() {
        NftablesTable open = table;
        return open != null && open.isPresent() && !open.isProtected();
    }

    /** The netlink port by which this process changes nftables, 0 if it is not known. */
    public synchronized int port() {
        NftablesTable open = table;
        return open == null ? 0 : open.port();
    }

    @Override
    public synchronized void close() {
        NftablesTable open = table;
        table = null;
        if (open != null) {
            open.close();
        }
    }
}
