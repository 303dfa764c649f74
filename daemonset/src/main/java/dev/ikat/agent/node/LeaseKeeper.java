package dev.ikat.agent.node;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.Reconciliations;
import dev.ikat.cni.Recovery;
import dev.ikat.cni.RecoveryReport;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.ipam.LeaseStoreException;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps leases and links consistent, and reports what was lost: no pod loses its network when the lease store is
 * damaged, but the operator has to know.
 */
public final class LeaseKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(LeaseKeeper.class);

    private final Recovery recovery;
    private final LeaseStore leases;
    private final Counter rebuilt;
    private final Counter damaged;
    private final Gauge unexplainedLinks;
    private volatile List<String> unexplained = List.of();
    private volatile boolean hasRoom = true;
    private LeaseStore.Damage known = new LeaseStore.Damage(0, 0);
    private long rebuiltInAll;

    public LeaseKeeper(Recovery recovery, LeaseStore leases, PrometheusRegistry registry) {
        this.recovery = recovery;
        this.leases = leases;
        this.rebuilt = Counter.builder()
                .name("ikat_leases_rebuilt")
                .help("Leases that the lease store had lost, by what they were rebuilt from: links, or the agent's "
                        + "memory.")
                .labelNames("from")
                .withoutExemplars()
                .register(registry);
        this.damaged = Counter.builder()
                .name("ikat_lease_records_damaged")
                .help("Records of the lease store that could not be read.")
                .withoutExemplars()
                .register(registry);
        this.unexplainedLinks = Gauge.builder()
                .name("ikat_links_without_lease")
                .help("Links of pods that have no lease and could not be given one; the status names them.")
                .withoutExemplars()
                .register(registry);
    }

    /** Registers the reconciliation of pods with the loop. */
    public void register(Reconciliations loop) {
        loop.register(Part.PODS, this::reconcile);
    }

    /**
     * One pass.
     *
     * @return how much was changed
     * @throws LeaseStoreException if leases can't be written; what can be done without is done
     */
    int reconcile() {
        int changes = mend();
        requireRoom();
        return changes;
    }

    /** The same for the start, when nobody can be told of a full disk yet. */
    public synchronized int mend() {
        RecoveryReport report = recovery.run();
        for (Lease lease : report.rebuilt()) {
            LOG.atWarn()
                    .addKeyValue("container", lease.attachment().containerId())
                    .addKeyValue("interface", lease.attachment().interfaceName())
                    .addKeyValue("addresses", lease.addresses())
                    .addKeyValue("reason", "the lease store had lost it, but its link still exists")
                    .log("lease-rebuilt");
        }
        rebuilt.labelValues("link").inc(report.rebuilt().size());
        rebuiltInAll += report.rebuilt().size();
        report.unexplained().stream()
                .filter(fault -> !unexplained.contains(fault))
                .forEach(fault -> LOG.atWarn().addKeyValue("reason", fault).log("link-without-lease"));
        report.readdressed()
                .forEach(change -> LOG.atWarn()
                        .addKeyValue("reason", change + ", so its pod reached nothing; another program changed it")
                        .addKeyValue("advice", "exclude links named ik* from that program's configuration")
                        .log("link-address-restored"));
        unexplained = report.unexplained();
        unexplainedLinks.set(unexplained.size());
        tellDamage();
        if (report.changes() > 0) {
            LOG.atInfo()
                    .addKeyValue("undone", report.undone())
                    .addKeyValue("released", report.released())
                    .addKeyValue("rebuilt", report.rebuilt().size())
                    .addKeyValue("leaks", report.leaks())
                    .addKeyValue("repaired", report.repaired())
                    .addKeyValue("unexplained", report.unexplained().size())
                    .log("recovered");
        }
        return report.changes();
    }

    private void tellDamage() {
        LeaseStore.Damage now = leases.damage();
        int records = now.damaged() - known.damaged();
        int restored = now.restored() - known.restored();
        if (records > 0 || restored > 0) {
            LOG.atWarn()
                    .addKeyValue("directory", leases.directory())
                    .addKeyValue("damaged-records", records)
                    .addKeyValue("restored-leases", restored)
                    .addKeyValue("reason", "the files were changed by another program, or the file system lost data")
                    .log("leases-damaged");
            damaged.inc(records);
            rebuilt.labelValues("memory").inc(restored);
            rebuiltInAll += restored;
            known = now;
            writeAnew();
        }
    }

    private void writeAnew() {
        try {
            leases.mend();
        } catch (LeaseStoreException e) {
            // The damaged lines do no harm where they are; what keeps new ones from being written is told by reconcile.
            LOG.atDebug().addKeyValue("error", e::getMessage).log("leases-not-written-anew");
        }
    }

    private void requireRoom() {
        try {
            leases.requireWritable();
            hasRoom = true;
        } catch (LeaseStoreException e) {
            hasRoom = false;
            throw e;
        }
    }

    /** Whether the room for leases has run out, or is there again, since the last call. */
    public boolean roomChanged() {
        boolean before = hasRoom;
        try {
            requireRoom();
        } catch (LeaseStoreException e) {
            return before;
        }
        return !before;
    }

    /** What the operator should know, one line for each; empty if all is well. */
    public List<String> faults() {
        List<String> faults = new ArrayList<>();
        synchronized (this) {
            if (known.damaged() > 0) {
                faults.add(
                        known.damaged() + " records of " + leases.directory() + " could not be read since the start");
            }
            if (rebuiltInAll > 0) {
                faults.add(rebuiltInAll
                        + " leases that the store had lost were rebuilt since the start; the log names them");
            }
        }
        faults.addAll(unexplained);
        return faults;
    }
}
