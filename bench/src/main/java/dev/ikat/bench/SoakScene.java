package dev.ikat.bench;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.NumberedStream;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What stays while pods come and go: a server, a friend that its policy always admits, a stranger that it never does,
 * and a guest that it admits now and then. Its policies change all the time in what concerns none of the first three.
 */
final class SoakScene implements AutoCloseable {
    /** The Kubernetes namespace of all pods. */
    static final String NAMESPACE = "soak";

    private static final int FRIENDS_PORT = 7001;
    private static final int STRANGERS_PORT = 7002;
    private static final int PER_SECOND = 200;
    private static final int CHANGING_POLICIES = 10;
    private static final Duration CHANGE_EVERY = Duration.ofMillis(50);
    private static final Duration GUEST_CHANGES_EVERY = Duration.ofSeconds(3);
    private static final Duration QUICK = Duration.ofMillis(300);
    /** An agent that was killed may have to start first. */
    private static final Duration EFFECT = Duration.ofSeconds(60);

    private static final String ALWAYS =
            Manifests.networkPolicy(NAMESPACE, "server", """
            podSelector: {matchLabels: {app: server}}
            ingress:
              - from: [{podSelector: {matchLabels: {app: friend}}}]
            """) + Manifests.networkPolicy(NAMESPACE, "churn", """
            podSelector: {matchLabels: {role: churn}}
            ingress:
              - from: [{podSelector: {matchLabels: {app: friend}}}]
            """);

    private final Cluster cluster;
    private final ClusterPod server;
    private final ClusterPod friend;
    private final ClusterPod stranger;
    private final ClusterPod guest;
    private final List<NumberedStream> friends = new ArrayList<>();
    private final List<NumberedStream> strangers = new ArrayList<>();
    private final List<CompletableFuture<Void>> running = new ArrayList<>();
    /** Not the common pool, which may have one thread for both. */
    private final Executor lanes = Executors.newVirtualThreadPerTaskExecutor();

    private final AtomicLong changes = new AtomicLong();
    private final AtomicLong effects = new AtomicLong();
    private final Consumer<String> fault;
    private volatile boolean ending;

    /**
     * Makes the pods, and begins to stream and to change policies.
     *
     * @param churning how many pods will come and go
     * @param fault told of whatever is not as it should be
     */
    SoakScene(Cluster cluster, int churning, Consumer<String> fault) {
        this.cluster = cluster;
        this.fault = fault;
        ClusterNode here = cluster.node(0);
        ClusterNode there = cluster.node(1);
        cluster.apply("always.yaml", Manifests.namespace(NAMESPACE, "{}") + ALWAYS);
        IntStream.range(0, churning)
                .forEach(i -> publish(
                        SoakPods.name(i),
                        SoakPods.LABELS,
                        cluster.node(i % cluster.nodes().size()),
                        List.of()));
        server = standing("server", here);
        friend = standing("friend", there);
        stranger = standing("stranger", here);
        guest = standing("guest", there);
        server.serve();
        // The server's node has to have heard of the friend's addresses, or the first datagrams are denied.
        Await.until(
                EFFECT,
                () -> "the friend does not reach the server",
                () -> answers(friend) == server.addresses().size());
        awaitGuest(false);
        for (IpAddress address : server.addresses()) {
            friends.add(stream(friend, address, FRIENDS_PORT));
            strangers.add(stream(stranger, address, STRANGERS_PORT));
        }
        Await.until(
                EFFECT,
                () -> "nothing arrives from the friend",
                () -> friends.stream().allMatch(stream -> stream.soFar().arrived() > 0));
        running.add(CompletableFuture.runAsync(this::changePolicies, lanes));
        running.add(CompletableFuture.runAsync(this::changeGuest, lanes));
    }

    private ClusterPod standing(String name, ClusterNode node) {
        String labels = "{app: " + name + "}";
        publish(name, labels, node, List.of());
        ClusterPod pod = node.addPod(NAMESPACE, name, new Json.Obj(java.util.Map.of()), TestNamespace.create());
        publish(name, labels, node, pod.addresses());
        return pod;
    }

    private void publish(String name, String labels, ClusterNode node, List<IpAddress> addresses) {
        cluster.apply("pod-" + name + ".yaml", Manifests.pod(NAMESPACE, name, labels, node.name(), "[]", addresses));
    }

    private NumberedStream stream(ClusterPod from, IpAddress to, int port) {
        return NumberedStream.start(from.namespace(), server.namespace(), to, port, PER_SECOND);
    }

    private void changePolicies() {
        long next = System.nanoTime();
        for (int i = 0; !ending; i++) {
            int number = i % CHANGING_POLICIES;
            // Peers that there are none of, and the friend: every rule set of the server is written anew.
            String peers = IntStream.rangeClosed(0, i % 7)
                    .mapToObj(n -> "{podSelector: {matchLabels: {app: nobody-" + n + "}}}")
                    .collect(Collectors.joining(", "));
            cluster.apply(
                    "changing-" + number + ".yaml",
                    Manifests.networkPolicy(
                            NAMESPACE, "changing-" + number, """
                    podSelector: {}
                    ingress:
                      - from: [%s, {podSelector: {matchLabels: {app: friend}}}]
                        ports: [{port: %d}, {protocol: UDP, port: %d}]
                    """.formatted(peers, 8000 + i % 50, FRIENDS_PORT)));
            changes.incrementAndGet();
            next += CHANGE_EVERY.toNanos();
            pause(Duration.ofNanos(Math.max(0, next - System.nanoTime())));
        }
    }

    private void changeGuest() {
        try {
            for (boolean welcome = true; !ending; welcome = !welcome) {
                if (welcome) {
                    cluster.apply("guest.yaml", Manifests.networkPolicy(NAMESPACE, "guest", """
                            podSelector: {matchLabels: {app: server}}
                            ingress:
                              - from: [{podSelector: {matchLabels: {app: guest}}}]
                            """));
                } else {
                    cluster.delete("guest.yaml");
                }
                awaitGuest(welcome);
                effects.incrementAndGet();
                pause(GUEST_CHANGES_EVERY);
                if (guestReaches() != welcome) {
                    // Asked twice where it is to be reached: a busy machine's answer may be late.
                    awaitGuest(welcome);
                }
            }
        } catch (RuntimeException e) {
            fault.accept("wrong verdict: " + e.getMessage());
        }
    }

    private void awaitGuest(boolean welcome) {
        Await.until(
                EFFECT,
                () -> "the guest " + (welcome ? "does not reach" : "reaches") + " the server",
                () -> guestReaches() == welcome);
    }

    /** By any of the server's addresses; families may differ for a moment. */
    private boolean guestReaches() {
        return answers(guest) > 0;
    }

    /** From how many of its addresses the server answers. */
    private long answers(ClusterPod asking) {
        List<Probe.Target> targets = server.addresses().stream()
                .map(address -> Probe.Target.tcp(asking.namespace(), address, ClusterPod.PORT))
                .toList();
        return Probe.check(targets, QUICK).stream()
                .filter(Probe.Outcome::reached)
                .count();
    }

    private static void pause(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whom every policy admits; on the second node. */
    ClusterPod friend() {
        return friend;
    }

    /** Whom no policy admits; on the first node. */
    ClusterPod stranger() {
        return stranger;
    }

    /** The addresses of all pods that stay. */
    List<String> addresses() {
        return cluster.pods().stream()
                .flatMap(pod -> pod.addresses().stream())
                .map(IpAddress::toString)
                .toList();
    }

    /** How often a policy was changed. */
    long changes() {
        return changes.get();
    }

    /** How often the guest was admitted or not and was seen to be so. */
    long effects() {
        return effects.get();
    }

    /** Datagrams that the friend has sent. */
    long sent() {
        return friends.stream().mapToLong(stream -> stream.soFar().sent()).sum();
    }

    /** Datagrams of the stranger that have arrived. */
    long intruded() {
        return strangers.stream().mapToLong(stream -> stream.soFar().arrived()).sum();
    }

    /** Changes nothing any more. */
    void end() {
        ending = true;
        running.forEach(CompletableFuture::join);
    }

    /** Ends the friend's streams and returns what became of their datagrams. */
    List<NumberedStream.Count> endStreams() {
        return friends.stream().map(NumberedStream::end).toList();
    }

    @Override
    public void close() {
        ending = true;
        friends.forEach(NumberedStream::close);
        strangers.forEach(NumberedStream::close);
    }
}
