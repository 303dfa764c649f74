package dev.ikat.agent.bgp;

import dev.ikat.agent.config.BgpOptions;
import dev.ikat.agent.host.ListeningPorts;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.bgp.BgpNode;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Finding;
import dev.ikat.bgp.PeerReview;
import dev.ikat.bgp.Speaker;
import dev.ikat.bgp.SpeakerPlanner;
import dev.ikat.bgp.bird.Bird;
import dev.ikat.bgp.bird.BirdConfig;
import dev.ikat.bgp.bird.BirdException;
import dev.ikat.bgp.bird.BirdFiles;
import dev.ikat.bgp.bird.SessionState;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Reported;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what BIRD speaks up to date with the cluster, on one thread, and asks it every two seconds what has become of
 * the sessions. What is refused changes nothing: what was in force stays. BIRD goes on when this ends. Thread-safe.
 */
final class BgpKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BgpKeeper.class);
    private static final Duration LOOK = Duration.ofSeconds(2);
    /** After a failure it is tried again after so long, then twice as long, and so on. */
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);
    private static final Path PROC = Path.of("/proc/thread-self/net");

    private final String nodeName;
    private final BgpOptions options;
    private final Supplier<Optional<NodeSituation>> situation;
    private final Bird bird;
    private final BirdFiles files;
    private final PasswordFiles passwords;
    private final PeerReview review = new PeerReview();
    private final ConditionWriter conditions;
    private final BgpObjects objects;
    private final BgpMetrics metrics;
    /** Changes of the cluster; an empty one is a look without any. */
    private final BlockingQueue<Optional<ClusterChange>> queue = new LinkedBlockingQueue<>();

    private final Thread thread;

    private boolean clusterKnown;
    private Set<Finding> findings = Set.of();
    private Map<String, Boolean> established = Map.of();
    /** What was refused last, so that it is not tried again at once. */
    private Optional<String> refused = Optional.empty();

    private Duration pause = FIRST_PAUSE;
    private long again = System.nanoTime();
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
        this.nodeName = nodeName;
        this.options = options;
        this.situation = situation;
        this.files = files;
        this.bird = new Bird(files, new ConfinedBird("bird"));
        this.passwords = new PasswordFiles(options.passwords());
        this.conditions = new ConditionWriter(nodeName, condition, System::nanoTime);
        this.objects = new BgpObjects(nodeName);
        this.metrics = new BgpMetrics(registry, this::state);
        this.thread = Thread.ofPlatform().name("bgp").unstarted(this::run);
    }

    /** Starts the thread. */
    BgpKeeper start() {
        thread.start();
        return this;
    }

    /** The cluster has changed; the first call has all of its objects. */
    void changed(ClusterChange change) {
        queue.add(Optional.of(change));
    }

    /** What is known of the node may have changed. */
    void look() {
        if (queue.isEmpty()) {
            queue.add(Optional.empty());
        }
    }

    /** What has become of BGP. */
    BgpState state() {
        return state;
    }

    private void run() {
        try {
            while (!closed) {
                List<Optional<ClusterChange>> batch = new ArrayList<>();
                Optional<ClusterChange> first = queue.poll(LOOK.toMillis(), TimeUnit.MILLISECONDS);
                if (first != null) {
                    batch.add(first);
                }
                queue.drainTo(batch);
                try {
                    batch.forEach(arrival -> arrival.ifPresent(this::take));
                    work();
                } catch (RuntimeException e) {
                    LOG.atError()
                            .addKeyValue("error", e.getMessage())
                            .setCause(e)
                            .log("bgp-failed");
                    failed("internal error: " + e.getMessage());
                }
            }
        } catch (InterruptedException e) {
            // Only close interrupts.
            Thread.currentThread().interrupt();
        }
    }

    private void take(ClusterChange change) {
        clusterKnown = true;
        objects.apply(change);
    }

    private void work() throws InterruptedException {
        Optional<NodeSituation> now = situation.get();
        if (!clusterKnown || now.isEmpty()) {
            return;
        }
        BgpNode self = node(
                nodeName, now.get().self().internalIps(), now.get().overlay().ownBlocks());
        List<BgpNode> others = now.get().overlay().peers().stream()
                .map(peer -> node(peer.node(), peer.addresses(), peer.podCidrs()))
                .toList();
        List<BgpNode> all = new ArrayList<>(others);
        all.add(self);
        PeerReview.Result reviewed = review.review(objects.peers(), objects.advertisements(), all, passwords);
        tell(reviewed.findings());
        report(reviewed.findings(), all);
        Speaker speaker = SpeakerPlanner.plan(
                options.settings(),
                self,
                others,
                now.get().uplink()::reachesDirectly,
                reviewed.peers(),
                objects.advertisements(),
                objects.services(),
                passwords);
        apply(speaker, named(reviewed.findings(), all));
    }

    private BgpNode node(String name, List<IpAddress> addresses, Set<Cidr> blocks) {
        Labels labels =
                Optional.ofNullable(objects.nodes().get(name)).map(Node::labels).orElse(Labels.NONE);
        return new BgpNode(name, labels, addresses, blocks);
    }

    /** What is wrong with objects, and with the settings together with the nodes. */
    private List<String> named(List<Finding> found, List<BgpNode> all) {
        List<String> lines = new ArrayList<>();
        found.forEach(finding -> lines.add(finding.toString()));
        boolean reflectors =
                all.stream().anyMatch(node -> node.labels().values().containsKey(BgpNode.REFLECTOR_LABEL));
        if (options.settings().podRoutes() && options.settings().mesh() == Mesh.REFLECTORS && !reflectors) {
            lines.add("bgp-mesh is reflectors, and no node has the label " + BgpNode.REFLECTOR_LABEL
                    + ", so that nodes do not learn where other nodes' pods are; label two or three nodes");
        }
        options.settings()
                .passwordKey()
                .flatMap(key -> passwords.find(key).fault())
                .ifPresent(fault -> {
                    String key = options.settings().passwordKey().orElseThrow();
                    lines.add("bgp-mesh-password: the password '" + key + "' " + fault);
                });
        return lines;
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

    private void report(List<Finding> found, List<BgpNode> all) {
        Set<ObjectKey> there = new HashSet<>();
        for (BgpPeer peer : objects.peers()) {
            there.add(peer.key());
            report(peer.key(), peer.reported(), peer.nodeSelector(), all, found);
        }
        for (BgpAdvertisement advertisement : objects.advertisements()) {
            there.add(advertisement.key());
            report(advertisement.key(), advertisement.reported(), advertisement.nodeSelector(), all, found);
        }
        conditions.keepOnly(there);
    }

    private void report(
            ObjectKey key, Reported reported, LabelSelector selector, List<BgpNode> all, List<Finding> found) {
        conditions.report(
                key,
                reported,
                selector,
                all,
                found.stream().filter(finding -> finding.object().equals(key)).toList());
    }

    private void apply(Speaker speaker, List<String> wrong) throws InterruptedException {
        int announced = speaker.announced(IpFamily.IPV4).size()
                + speaker.announced(IpFamily.IPV6).size();
        Optional<String> failure = state.failure();
        List<SessionState> sessions = List.of();
        boolean answers = false;
        String configuration = BirdConfig.of(speaker, files);
        if (!refused.equals(Optional.of(configuration)) || System.nanoTime() - again >= 0) {
            failure = run(configuration);
            failure.ifPresentOrElse(reason -> refuse(configuration, reason), this::accepted);
        }
        try {
            sessions = bird.sessions();
            answers = true;
            follow(sessions);
        } catch (BirdException e) {
            // That it does not run is the failure, and is said; if it has died just now, the next look starts it.
            follow(List.of());
        }
        state = new BgpState(true, failure, answers, announced, sessions, wrong);
    }

    /** Has BIRD run by the configuration; returns why it does not. */
    private Optional<String> run(String configuration) throws InterruptedException {
        if (!bird.isRunning() && ListeningPorts.isTaken(PROC, BgpPeer.PORT)) {
            return Optional.of("another program listens at TCP port " + BgpPeer.PORT
                    + " of this host, perhaps a BIRD, FRR or GoBGP of its own ('ss -ltnp sport = :" + BgpPeer.PORT
                    + "' names it); end it, or set bgp to false");
        }
        try {
            switch (bird.apply(configuration)) {
                case UNCHANGED -> {}
                case RECONFIGURED -> LOG.atInfo().log("bgp-reconfigured");
                case STARTED -> {
                    metrics.started();
                    LOG.atInfo().log("bgp-started");
                }
            }
            return Optional.empty();
        } catch (BirdException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private void accepted() {
        refused = Optional.empty();
        pause = FIRST_PAUSE;
    }

    private void refuse(String configuration, String reason) {
        if (!state.failure().equals(Optional.of(reason))) {
            LOG.atError().addKeyValue("reason", reason).log("bgp-not-in-force");
        }
        if (refused.equals(Optional.of(configuration))) {
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        } else {
            pause = FIRST_PAUSE;
        }
        refused = Optional.of(configuration);
        again = System.nanoTime() + pause.toNanos();
    }

    private void failed(String reason) {
        BgpState last = state;
        state = new BgpState(
                true, Optional.of(reason), last.answers(), last.announced(), last.sessions(), last.findings());
    }

    /** Logs which sessions have come and gone. */
    private void follow(List<SessionState> sessions) {
        Map<String, Boolean> now = new HashMap<>();
        for (SessionState session : sessions) {
            now.put(session.name(), session.established());
            boolean before = established.getOrDefault(session.name(), false);
            if (session.established() && !before) {
                LOG.atInfo().addKeyValue("session", session.name()).log("bgp-session-up");
            } else if (!session.established() && before) {
                metrics.lost(session.name());
                LOG.atWarn()
                        .addKeyValue("session", session.name())
                        .addKeyValue("reason", session.lastError().orElse(""))
                        .log("bgp-session-down");
            }
        }
        established = now;
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
