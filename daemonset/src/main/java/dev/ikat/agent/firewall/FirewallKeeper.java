package dev.ikat.agent.firewall;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.firewall.SelfTest.Findings;
import dev.ikat.agent.firewall.SelfTest.Target;
import dev.ikat.agent.firewall.SelfTest.Way;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.OverlayRoute;
import dev.ikat.agent.overlay.Peer;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.reconcile.Reconciliations;
import dev.ikat.dataplane.AcceptanceState;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.FirewallAcceptance;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that the host's firewall lets pods' packets pass: has it accept them where it can be told to, and finds
 * out by looking and by packets of its own whether they pass. A node on which they don't is not ready. The
 * reconciliation runs on the reconcile loop's thread, the self-test on one of its own; the rest is for any thread.
 */
public final class FirewallKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FirewallKeeper.class);

    /** How often packets are sent where nothing has changed. */
    private static final Duration TEST_EVERY = Duration.ofMinutes(5);

    /** How soon a fault of a path to another node has to be found again before it counts. */
    private static final Duration CONFIRM = Duration.ofSeconds(20);

    /** How often they are sent while they don't pass. */
    private static final Duration RETRY = Duration.ofSeconds(5);

    /** How often the older iptables is looked at, whose changes nobody can be told of. */
    private static final Duration LEGACY_EVERY = Duration.ofSeconds(5);

    private static final Duration STOP_LIMIT = Duration.ofSeconds(3);

    /** What packets between two pods of this node pass. */
    private static final Predicate<Obstacle> FORWARDED = obstacle -> obstacle.hook() != Hook.INPUT;

    /** How many other nodes are tried in one self-test; the next ones in the next. */
    private static final int PEERS_TRIED = 4;

    private final Supplier<Optional<NodeSituation>> situation;
    private final Supplier<Optional<AddressPlan>> plan;
    private final Dataplanes dataplanes;
    private final HostRuleset ruleset;
    private final SelfTest selfTest;
    private final BooleanSupplier othersReady;
    private final Runnable concerned;
    private final Clock clock;
    private final Instant started;
    private final ExecutorService tester = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("self-test").factory());

    private Optional<FirewallAcceptance> acceptance = Optional.empty();
    private Optional<AcceptanceState> accepted = Optional.empty();
    private volatile FirewallSurvey survey = FirewallSurvey.NOTHING;
    /** Rules of iptables that are in the way. */
    private volatile List<Obstacle> iptables = List.of();

    private volatile Optional<Tested> tested = Optional.empty();
    private volatile boolean testing;
    /** Whether the last look was in vain, because the node was not known. */
    private volatile boolean nodeAwaited;

    private String reported = "";
    private int nextPeer;
    /** Only the thread that looks each second uses these. */
    private int generation;

    private Instant legacyLooked = Instant.EPOCH;

    /**
     * A self-test that is over.
     *
     * @param at when
     * @param obstacles what was in the way then
     * @param findings empty if it could not be made
     * @param confirmed what of other nodes was not reached in the self-test before as well: another node's agent may
     *     have been starting
     */
    private record Tested(Instant at, List<Obstacle> obstacles, Optional<Findings> findings, List<Target> confirmed) {
        static Tested after(
                Optional<Tested> before, Instant at, List<Obstacle> obstacles, Optional<Findings> findings) {
            List<Target> known =
                    before.flatMap(Tested::findings).map(Findings::unreached).orElse(List.of());
            List<Target> confirmed = findings.map(Findings::unreached).orElse(List.of()).stream()
                    .filter(known::contains)
                    .toList();
            return new Tested(at, obstacles, findings, confirmed);
        }

        boolean isBad() {
            return findings.filter(found -> !found.failing().isEmpty()).isPresent();
        }

        boolean isUnconfirmed() {
            return findings.filter(found -> !confirmed.containsAll(found.unreached()))
                    .isPresent();
        }

        /** The time until the next one. */
        private Duration pause() {
            return isBad() ? RETRY : isUnconfirmed() ? CONFIRM : TEST_EVERY;
        }

        /** Whether it is time for the next one. */
        boolean isOld(Instant now) {
            return Duration.between(at, now).compareTo(pause()) >= 0;
        }
    }

    /**
     * @param situation what is known of the node; empty before its object is
     * @param plan the node's address ranges, likewise
     * @param ruleset closed with this
     * @param selfTest sends packets
     * @param othersReady whether pods could be wired but for this part
     * @param concerned has the part checked soon
     */
    public FirewallKeeper(
            Supplier<Optional<NodeSituation>> situation,
            Supplier<Optional<AddressPlan>> plan,
            Dataplanes dataplanes,
            HostRuleset ruleset,
            SelfTest selfTest,
            BooleanSupplier othersReady,
            Runnable concerned,
            Clock clock) {
        this.situation = situation;
        this.plan = plan;
        this.dataplanes = dataplanes;
        this.ruleset = ruleset;
        this.selfTest = selfTest;
        this.othersReady = othersReady;
        this.concerned = concerned;
        this.clock = clock;
        this.started = clock.instant();
    }

    /** Registers its part with the loop. */
    public void register(Reconciliations loop) {
        loop.register(Part.FIREWALL, this::reconcile);
    }

    private int reconcile() {
        Optional<NodeSituation> known = situation.get();
        nodeAwaited = known.isEmpty();
        NodeSituation now = known.orElseThrow(() -> new NotYetException("the node is not known yet"));
        Arrivals arrivals = Arrivals.of(now);
        if (acceptance.isEmpty()) {
            acceptance = Optional.of(dataplanes.with(Capability.ACCEPTANCE).acceptance());
        }
        AcceptanceState wanted = new AcceptanceState(arrivals.tunnelPort(), routed(now));
        FirewallSurvey seen = ruleset.survey(arrivals);
        boolean changed = false;
        // On a host with many rules it takes long to list them, which is needless if the few that matter are as before.
        if (!accepted.equals(Optional.of(wanted)) || !seen.equals(survey) || ruleset.hasLegacyTables()) {
            changed = acceptance.get().reconcile(wanted);
            accepted = Optional.of(wanted);
        }
        survey = changed ? ruleset.survey(arrivals) : seen;
        iptables = IptablesRules.obstacles(acceptance.get().tables(), arrivals);
        test(now);
        judge();
        return changed ? 1 : 0;
    }

    /** The blocks of other nodes' pods to which no tunnel leads. */
    private static List<Cidr> routed(NodeSituation now) {
        return Cidr.merged(now.overlay().peers().stream()
                .flatMap(peer -> peer.podCidrs().stream().filter(block -> !isTunnelled(peer, block)))
                .toList());
    }

    private static boolean isTunnelled(Peer peer, Cidr block) {
        return peer.routes().stream()
                .anyMatch(route -> route instanceof OverlayRoute.Tunnelled
                        && route.destination().contains(block));
    }

    /** Starts a self-test if one is due; its end has this part checked again. */
    private void test(NodeSituation now) {
        if (testing || !othersReady.getAsBoolean() || !isDue()) {
            return;
        }
        Optional<AddressPlan> ranges = plan.get();
        if (ranges.isEmpty()) {
            return;
        }
        List<Obstacle> current = obstacles();
        List<Target> targets = targets(now);
        testing = true;
        try {
            tester.execute(() -> {
                try {
                    Optional<Findings> findings =
                            selfTest.find(ranges.get(), now.overlay().podMtu(), targets);
                    tested = Optional.of(Tested.after(tested, clock.instant(), current, findings));
                } finally {
                    testing = false;
                    concerned.run();
                }
            });
        } catch (RejectedExecutionException e) {
            // The agent is about to end.
            testing = false;
        }
    }

    private boolean isDue() {
        if (tested.isEmpty()) {
            // Where no other program has a rule, nothing refuses anything.
            return survey.undecided()
                    || Duration.between(started, clock.instant()).compareTo(TEST_EVERY) >= 0;
        }
        Tested last = tested.get();
        return !last.obstacles().equals(obstacles()) || last.isOld(clock.instant());
    }

    private List<Obstacle> obstacles() {
        return Stream.concat(survey.obstacles().stream(), iptables.stream()).toList();
    }

    private List<Target> targets(NodeSituation now) {
        List<Peer> peers = now.overlay().peers();
        List<Target> targets = new ArrayList<>();
        String port =
                Arrivals.tunnelPort(now).stream().mapToObj(Integer::toString).collect(Collectors.joining());
        int count = Math.min(PEERS_TRIED, peers.size());
        if (tested.filter(Tested::isUnconfirmed).isEmpty()) {
            nextPeer += count;
        }
        for (int i = 0; i < count; i++) {
            Peer peer = peers.get((nextPeer + i) % peers.size());
            for (OverlayRoute route : peer.routes()) {
                switch (route) {
                    case OverlayRoute.Tunnelled tunnelled ->
                        tunnelled(peer, tunnelled, port).ifPresent(targets::add);
                    case OverlayRoute.Direct direct -> targets.add(direct(peer, direct));
                    case OverlayRoute.Unreachable _, OverlayRoute.Answering _ -> {
                        // These lead to no other node.
                    }
                }
            }
            for (IpAddress address : peer.addresses()) {
                if (now.self().podCidrs().stream().anyMatch(block -> block.family() == address.family())) {
                    targets.add(
                            new Target(
                                    address,
                                    address,
                                    Way.MASQUERADE,
                                    Optional.empty(),
                                    "node " + peer.node() + " answers this node at " + address
                                            + ", but not this node's pods, which leave the cluster as it: "
                                            + "masquerade or forwarding fails; look at 'nft list ruleset' and 'iptables-save'"));
                }
            }
        }
        return targets;
    }

    private static Optional<Target> tunnelled(Peer peer, OverlayRoute.Tunnelled route, String port) {
        return peer.addresses().stream()
                .filter(address -> address.family() == route.underlay())
                .findFirst()
                .map(underlay -> new Target(
                        route.via(),
                        underlay,
                        Way.TUNNEL,
                        Optional.empty(),
                        "node " + peer.node() + " answers at " + underlay
                                + ", but not through the tunnel to "
                                + route.destination()
                                + ": Ikat does not run there, or a firewall on the way refuses UDP port "
                                + port
                                + "; ask 'ikat-agent status' there"));
    }

    private Target direct(Peer peer, OverlayRoute.Direct route) {
        Cidr block = route.destination();
        return new Target(
                block.network(),
                route.via(),
                Way.ROUTE,
                // Where no other program has a rule here, at most the other node's refuses an echo request to itself.
                Optional.of(block.last()).filter(_ -> !survey.undecided()),
                "node " + peer.node() + " answers at " + route.via() + ", but not at " + block.network()
                        + " for its pods in " + block
                        + ": Ikat does not run there, or a firewall here, there or on the way refuses packets with"
                        + " addresses of pods; ask 'ikat-agent status' there");
    }

    /** @throws NotYetException if packets don't pass, or if that is not known and not self-evident */
    private void judge() {
        Optional<Tested> last = tested;
        if (last.isEmpty() && survey.undecided()) {
            throw new NotYetException("whether the host's firewall lets pods' packets pass is being tested");
        }
        List<String> faults = faults();
        String all = String.join("; ", faults);
        if (!all.equals(reported)) {
            reported = all;
            if (all.isEmpty()) {
                LOG.atInfo().log("packets-pass");
            } else {
                faults.forEach(fault -> LOG.atWarn().addKeyValue("fault", fault).log("packets-blocked"));
            }
        }
        if (last.filter(Tested::isBad).isPresent()) {
            throw new NotYetException(faults.getFirst());
        }
    }

    /** What keeps packets from passing, and what to do about it, a line each; empty as far as is known. */
    public List<String> faults() {
        List<String> faults = new ArrayList<>();
        Set<IpFamily> failing = failing();
        if (!failing.isEmpty()) {
            String families =
                    new TreeSet<>(failing).stream().map(IpFamily::title).collect(Collectors.joining(" and "));
            String what = "no " + families + " packet passes between two pods of this node: ";
            if (obstacles(FORWARDED).isEmpty()) {
                faults.add(what + "a rule of the host refuses it; look for it in 'nft list ruleset', 'iptables-save' "
                        + "and 'iptables-legacy-save'");
            }
            name(FORWARDED, what, faults);
        }
        List<Target> confirmed = tested.map(Tested::confirmed).orElse(List.of());
        confirmed.forEach(target -> faults.add(target.fault()));
        if (isMissed(confirmed, Way.TUNNEL)) {
            // The other node's answers come by the tunnel as well.
            name(
                    obstacle -> obstacle.hook() == Hook.INPUT && !obstacle.certain(),
                    "tunnels from other nodes may be refused here: ",
                    faults);
        }
        name(
                obstacle -> obstacle.hook() == Hook.INPUT && obstacle.certain(),
                "tunnels from other nodes are refused here: ",
                faults);
        if (failing.isEmpty()) {
            name(
                    FORWARDED.and(Obstacle::certain),
                    "packets from pods of other nodes to pods of this node are refused here: ",
                    faults);
        }
        if (failing.isEmpty() && (isMissed(confirmed, Way.ROUTE) || isMissed(confirmed, Way.MASQUERADE))) {
            name(
                    FORWARDED.and(obstacle -> !obstacle.certain()),
                    "packets between pods and other nodes may be refused here: ",
                    faults);
        }
        return faults;
    }

    private static boolean isMissed(List<Target> unreached, Way way) {
        return unreached.stream().anyMatch(target -> target.way() == way);
    }

    private void name(Predicate<Obstacle> which, String what, List<String> faults) {
        obstacles(which).forEach(obstacle -> faults.add(what + obstacle.what() + "; run: " + obstacle.remedy()));
    }

    /** Such obstacles, those that refuse what is forwarded first. */
    private List<Obstacle> obstacles(Predicate<Obstacle> which) {
        return obstacles().stream()
                .filter(which)
                .sorted(Comparator.comparing(obstacle -> obstacle.hook() != Hook.FORWARD))
                .toList();
    }

    /** The families of which no packet passes on this node. */
    public Set<IpFamily> failing() {
        return tested.flatMap(Tested::findings).map(Findings::failing).orElse(Set.of());
    }

    /** When packets were last sent; empty if they never were, or could not be. */
    public Optional<Instant> lastTest() {
        return tested.filter(last -> last.findings().isPresent()).map(Tested::at);
    }

    /** Whether this part has to be looked at: the host's firewall has changed, or packets are to be sent again. */
    public boolean isConcerned() {
        Instant now = clock.instant();
        if (nodeAwaited && situation.get().isPresent()) {
            return true;
        }
        if (tested.filter(last -> last.isOld(now)).isPresent()
                || (tested.isEmpty() && survey.undecided() && !testing && othersReady.getAsBoolean())) {
            return true;
        }
        int current = ruleset.generation();
        if (current != generation) {
            generation = current;
            Optional<NodeSituation> known = situation.get();
            if (known.isPresent() && !ruleset.survey(Arrivals.of(known.get())).equals(survey)) {
                return true;
            }
        }
        if (Duration.between(legacyLooked, now).compareTo(LEGACY_EVERY) >= 0) {
            legacyLooked = now;
            return ruleset.hasLegacyTables();
        }
        return false;
    }

    /** Has a running self-test end, and waits until it has removed its pods. */
    @Override
    public void close() {
        tester.shutdownNow();
        try {
            if (!tester.awaitTermination(STOP_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.atWarn().addKeyValue("reason", "the self-test still runs").log("stop-incomplete");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        ruleset.close();
    }
}
