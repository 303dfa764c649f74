package dev.ikat.agent.cni;

import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import java.io.UncheckedIOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the network configuration as the agent wrote it, once the node has been ready for the first time: without it
 * the runtime starts no pod, and the kubelet reports the node as not ready. Thread-safe.
 */
public final class ConflistKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(ConflistKeeper.class);

    private final Conflist conflist;
    private final Readiness readiness;
    private final Metrics metrics;
    private boolean published;
    private boolean written;
    private String failure = "";

    public ConflistKeeper(Conflist conflist, Readiness readiness, Metrics metrics) {
        this.conflist = conflist;
        this.readiness = readiness;
        this.metrics = metrics;
        readiness.notReady(Part.CONFLIST, "is written when everything else is in order");
    }

    /** From now on the file has to exist. */
    public synchronized void publish() {
        if (!published) {
            published = true;
            check();
        }
    }

    /** Writes the file if it has to exist and is missing or changed. Returns whether it is in order. */
    public synchronized boolean check() {
        if (!published) {
            return true;
        }
        try {
            Conflist.Found found = conflist.write();
            if (found != Conflist.Found.IN_ORDER) {
                said(found);
            }
            written = true;
            failure = "";
            readiness.ready(Part.CONFLIST);
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

    private void said(Conflist.Found found) {
        if (written) {
            metrics.conflistMended();
            LOG.atWarn()
                    .addKeyValue("file", conflist.file())
                    .addKeyValue("was", found.label())
                    .addKeyValue("advice", "let only the agent change it; --chain adds further plugins")
                    .log("conflist-mended");
        } else {
            LOG.atInfo().addKeyValue("file", conflist.file()).log("conflist-written");
        }
    }
}
