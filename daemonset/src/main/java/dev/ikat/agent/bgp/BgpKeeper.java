package dev.ikat.agent.bgp;

import dev.ikat.agent.config.BgpOptions;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.reconcile.ClusterInbox;
import dev.ikat.bgp.Finding;
import dev.ikat.bgp.bird.Bird;
import dev.ikat.bgp.bird.BirdConfig;
import dev.ikat.bgp.bird.BirdFiles;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Reported;
import dev.ikat.model.IpFamily;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what BIRD speaks up to date with the cluster, on one thread, and asks it every two seconds what has become of
 * the sessions. What is refused changes nothing: what was in force stays. BIRD goes on when this ends. Thread-safe.
 */
final class BgpKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BgpKeeper.class);
    private static final Duration LOOK = Duration.ofSeconds(2);
    /**
     * After a change it rests so many times as long as that took, so that many changes do not keep a processor busy.
     */
    private static final int REST = 4;

    private static final Duration LONGEST_REST = Duration.ofMillis(500);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

    private final Supplier<Optional<NodeSituation>> situation;
    private final BirdFiles files;
    private final BgpPlan plan;
    private final BirdWatch watch;
    private final ConditionWriter conditions;
    private final ClusterInbox inbox = new ClusterInbox();

    private final Thread thread;

    /** The number of what was planned last. */
    private long last;

    private Set<Finding> findings = Set.of();
    /** What BIRD has to run by, and how many routes it announces by that. */
    private String configuration = "";

    private int announced;
    private volatile boolean closed;
    private volatile BgpState state =
            new BgpState(true, Optional.of("the cluster is not known yet"), false, 0, List.of(), List.of());

    /**
     * Works in the network namespace of the calling thread.
     *
     * @param nodeName this node's
     * @param files where BIRD's files are
     * @param situation what is known of the node; empty before its object is
     * @param condition writes a condition into an object's status
     * @param registry serves the metrics
     */
    BgpKeeper(
            String nodeName,
            BgpOptions options,
            BirdFiles files,
            Supplier<Optional<NodeSituation>> situation,
            BiConsumer<ObjectKey, ObjectCondition> condition,
            PrometheusRegistry registry) {
        this.situation = situation;
        this.files = files;
        this.plan = new BgpPlan(nodeName, options);
        this.watch = new BirdWatch(new Bird(files, new ConfinedBird("bird")), new BgpMetrics(registry, this::state));
        this.conditions = new ConditionWriter(nodeName, condition, System::nanoTime);
        this.thread = Thread.ofPlatform().name("bgp").unstarted(this::run);
    }

    /** Starts the thread. */
    BgpKeeper start() {
        thread.start();
        return this;
    }

    /** The cluster has changed; the first call has all of its objects. */
    void changed(ClusterChange change) {
        inbox.changed(change);
    }

    /** What is known of the node may have changed. */
    void look() {
        inbox.look();
    }

    /** What has become of BGP. */
    BgpState state() {
        return state;
    }

    private void run() {
        try {
            while (!closed) {
                List<ClusterChange> batch = inbox.take(LOOK);
                long start = System.nanoTime();
                boolean changed = false;
                try {
                    batch.forEach(plan::take);
                    changed = work();
                } catch (RuntimeException e) {
                    LOG.atError()
                            .addKeyValue("error", e.getMessage())
                            .setCause(e)
                            .log("bgp-failed");
                    failed("internal error: " + e.getMessage());
                }
                if (changed) {
                    rest(Duration.ofNanos(System.nanoTime() - start));
                }
            }
        } catch (InterruptedException e) {
            // Only close interrupts.
            Thread.currentThread().interrupt();
        }
    }

    private static void rest(Duration work) throws InterruptedException {
        Duration rest = work.multipliedBy(REST);
        Thread.sleep(rest.compareTo(LONGEST_REST) < 0 ? rest : LONGEST_REST);
    }

    /** Returns whether BIRD was given another configuration. */
    private boolean work() throws InterruptedException {
        Optional<BgpPlan.Planned> now = situation.get().flatMap(plan::refresh);
        if (now.isEmpty()) {
            return false;
        }
        BgpPlan.Planned planned = now.get();
        boolean different = last != planned.number();
        if (different) {
            tell(planned.reviewed().findings());
            configuration = BirdConfig.of(planned.speaker(), files);
            announced = Stream.of(IpFamily.values())
                    .flatMap(family -> planned.speaker().announced(family).stream())
                    .mapToInt(group -> group.prefixes().size())
                    .sum();
            last = planned.number();
        }
        if (different || conditions.isDue()) {
            report(planned);
        }
        BirdWatch.Seen seen = watch.look(configuration);
        state = new BgpState(true, seen.failure(), seen.answers(), announced, seen.sessions(), planned.faults());
        return seen.changed();
    }

    /** Logs what has come to be wrong, and what no longer is. */
    private void tell(List<Finding> found) {
        for (Finding finding : found) {
            if (!findings.contains(finding)) {
                LOG.atWarn()
                        .addKeyValue("object", finding.object())
                        .addKeyValue("field", finding.field())
                        .addKeyValue("reason", finding.message())
                        .log("bgp-object-refused");
            }
        }
        for (Finding former : findings) {
            if (found.stream().noneMatch(finding -> finding.object().equals(former.object()))) {
                LOG.atInfo().addKeyValue("object", former.object()).log("bgp-object-in-order");
            }
        }
        findings = Set.copyOf(found);
    }

    private void report(BgpPlan.Planned planned) {
        Set<ObjectKey> there = new HashSet<>();
        for (BgpPeer peer : planned.input().peers()) {
            there.add(peer.key());
            report(peer.key(), peer.reported(), peer.nodeSelector(), planned);
        }
        for (BgpAdvertisement advertisement : planned.input().advertisements()) {
            there.add(advertisement.key());
            report(advertisement.key(), advertisement.reported(), advertisement.nodeSelector(), planned);
        }
        conditions.keepOnly(there);
    }

    private void report(ObjectKey key, Reported reported, LabelSelector selector, BgpPlan.Planned planned) {
        conditions.report(
                key,
                reported,
                selector,
                planned.input().nodes(),
                planned.reviewed().findings().stream()
                        .filter(finding -> finding.object().equals(key))
                        .toList());
    }

    private void failed(String reason) {
        BgpState last = state;
        state = new BgpState(
                true, Optional.of(reason), last.answers(), last.announced(), last.sessions(), last.findings());
    }

    /** Stops; BIRD goes on by what it was last given. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(STOP_LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
