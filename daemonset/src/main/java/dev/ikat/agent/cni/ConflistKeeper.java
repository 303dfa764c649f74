package dev.ikat.agent.cni;

import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the network configuration as the agent wrote it, once the node has been ready for the first time: without it
 * the runtime starts no pod, and the kubelet reports the node as not ready. Says what else keeps pods from getting the
 * network that it describes; the node is not ready then. Thread-safe.
 */
public final class ConflistKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(ConflistKeeper.class);

    private final Conflist conflist;
    private final OtherConfigurations others;
    private final Readiness readiness;
    private final Metrics metrics;
    private boolean published;
    private boolean written;
    private String failure = "";
    private List<ConflistFault> faults = List.of();

    public ConflistKeeper(Conflist conflist, Readiness readiness, Metrics metrics) {
        this.conflist = conflist;
        this.others = new OtherConfigurations(conflist.file());
        this.readiness = readiness;
        this.metrics = metrics;
        readiness.notReady(Part.CONFLIST, "is written when everything else is in order");
        metrics.conflistFaults(() -> faults().stream()
                .collect(Collectors.groupingBy(fault -> fault.cause().label(), Collectors.counting())));
    }

    /** From now on the file has to exist. */
    public synchronized void publish() {
        if (!published) {
            published = true;
            check();
        }
    }

    /** The file that it keeps. */
    public Conflist conflist() {
        return conflist;
    }

    /** What keeps pods from getting the network that the file describes. */
    public synchronized List<ConflistFault> faults() {
        return faults;
    }

    /**
     * Writes the file if it has to exist and is missing or changed. Returns whether there is nothing left to repair.
     */
    public synchronized boolean check() {
        look();
        if (!published) {
            return true;
        }
        String hindrances = faults.stream()
                .filter(fault -> !fault.cause().isHarmless())
                .map(ConflistFault::text)
                .collect(Collectors.joining("; "));
        if (!conflist.isThere() && hasMissing()) {
            // With the file, a kubelet would begin to start pods, and each would fail. One that is there stays: without
            // it a runtime could not delete the pods that run.
            readiness.notReady(Part.CONFLIST, hindrances);
            return true;
        }
        try {
            Conflist.Found found = conflist.write();
            if (found != Conflist.Found.IN_ORDER) {
                said(found);
            }
            written = true;
            failure = "";
            if (hindrances.isEmpty()) {
                readiness.ready(Part.CONFLIST);
            } else {
                readiness.notReady(Part.CONFLIST, hindrances);
            }
            return true;
        } catch (UncheckedIOException e) {
            String reason = String.valueOf(e.getMessage());
            if (!reason.equals(failure)) {
                LOG.atError().addKeyValue("error", reason).log("conflist-failed");
            }
            failure = reason;
            readiness.notReady(Part.CONFLIST, reason);
            return false;
        }
    }

    private boolean hasMissing() {
        return faults.stream().anyMatch(fault -> fault.cause() == ConflistFault.Cause.PLUGIN_MISSING);
    }

    private void look() {
        List<ConflistFault> before = faults;
        List<ConflistFault> now = new ArrayList<>(others.faults());
        for (Conflist.Drop drop : conflist.drops()) {
            if (drop.type().isEmpty()) {
                now.add(new ConflistFault(
                        ConflistFault.Cause.INVALID,
                        "runtimes with libcni 1.3 start no pod, because " + drop.file()
                                + " is not the configuration of a plugin; correct it, or rename it: mv " + drop.file()
                                + " " + drop.file() + ".disabled"));
            }
        }
        now.addAll(conflist.missing());
        faults = List.copyOf(now);
        faults.stream()
                .filter(fault -> !before.contains(fault))
                .forEach(fault -> LOG.atWarn()
                        .addKeyValue("cause", fault.cause().label())
                        .addKeyValue("fault", fault.text())
                        .log("conflist-fault"));
        before.stream()
                .filter(fault -> !faults.contains(fault))
                .forEach(fault -> LOG.atInfo()
                        .addKeyValue("cause", fault.cause().label())
                        .addKeyValue("fault", fault.text())
                        .log("conflist-fault-over"));
    }

    private void said(Conflist.Found found) {
        if (written) {
            metrics.conflistMended();
            LOG.atWarn()
                    .addKeyValue("file", conflist.file())
                    .addKeyValue("was", found.label())
                    .addKeyValue("plugins", conflist.plugins())
                    .addKeyValue("advice", "let others only add plugins to it, or fields")
                    .log("conflist-mended");
        } else {
            LOG.atInfo()
                    .addKeyValue("file", conflist.file())
                    .addKeyValue("plugins", conflist.plugins())
                    .log("conflist-written");
        }
    }
}
