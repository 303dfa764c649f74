package dev.ikat.agent.node;

import dev.ikat.agent.cni.ConflistKeeper;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.ipam.AddressPlan;
import java.time.Duration;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What follows when everything is in order for the first time: pods are wired, the runtime gets its network
 * configuration, and after that the cluster is told, once. Thread-safe.
 */
public final class ReadyNode {
    private static final Logger LOG = LoggerFactory.getLogger(ReadyNode.class);

    private final Readiness readiness;
    private final AgentPodNetwork network;
    private final ConflistKeeper conflist;
    private final Runnable announcement;
    private final Supplier<Duration> running;
    private boolean announced;

    /**
     * @param announcement tells the cluster
     * @param running how long the agent has been running
     */
    public ReadyNode(
            Readiness readiness,
            AgentPodNetwork network,
            ConflistKeeper conflist,
            Runnable announcement,
            Supplier<Duration> running) {
        this.readiness = readiness;
        this.network = network;
        this.conflist = conflist;
        this.announcement = announcement;
        this.running = running;
    }

    /** Checks whether everything is in order; called after each round of the loop, and once when the socket exists. */
    public void check() {
        if (readiness.isReadyBut(Part.CONFLIST)) {
            network.markReady();
            conflist.publish();
            announceIfReady();
        }
    }

    /** Checks the network configuration, and restores it if necessary. Returns whether it is in order. */
    public boolean checkConflist() {
        boolean inOrder = conflist.check();
        announceIfReady();
        return inOrder;
    }

    private synchronized void announceIfReady() {
        if (announced || !readiness.isReady()) {
            return;
        }
        announced = true;
        LOG.atInfo()
                .addKeyValue("after-ms", running.get().toMillis())
                .addKeyValue(
                        "families",
                        network.nodePlan().map(AddressPlan::families).orElse(Set.of()))
                .log("ready");
        announcement.run();
        // What only the start needed, as the text of the cluster's objects, is given back once: without need, the
        // serial collector does not collect the old generation, and it would stay resident for good.
        Runtime.getRuntime().gc();
    }
}
