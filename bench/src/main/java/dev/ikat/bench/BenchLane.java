package dev.ikat.bench;

import dev.ikat.backendtests.BenchPrograms;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Iperf;
import dev.ikat.testbed.traffic.Probe;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/** A node with a client and a server, or two nodes, and the measurements between them. */
public final class BenchLane implements AutoCloseable {
    /** The server's port. */
    public static final int PORT = 9000;

    private static final int DENIED_PORT = 9001;
    private static final int STREAM_SECONDS = 2;
    private static final SetId CLIENT = new SetId("client");

    public final RoutedNode node;
    public final RoutedNode clients;
    public final TestNamespace server;
    public final TestNamespace client;
    public final Samples connections = new Samples();
    public final Samples roundTrips = new Samples();
    public final Samples streams = new Samples();
    private final Echo listening;
    private final Probe.Server denied;

    /** A node of its own, on which nothing is in force yet. */
    public BenchLane() {
        this(new RoutedNode());
    }

    /** This node, which has no pods yet. */
    public BenchLane(RoutedNode node) {
        this(node, node);
    }

    /** The server on one node, the client on another, neither of which has pods yet. */
    public BenchLane(RoutedNode node, RoutedNode clients) {
        this.node = node;
        this.clients = clients;
        server = node.addPod(RoutedNode.endpoint(1));
        client = clients.addPod(RoutedNode.endpoint(2));
        if (clients != node) {
            node.join(clients, 1, 2);
        }
        for (TestNamespace end : List.of(server, client)) {
            // Not the host's BBR, if that has it: its timers would be what is measured.
            end.sysctl("net.ipv4.tcp_congestion_control", "reno");
        }
        listening = new Echo(server, PORT);
        denied = Probe.serve(server, DENIED_PORT);
    }

    /** The address of the server, 1, or the client, 2. */
    public static IpAddress address(int number) {
        return RoutedNode.endpoint(number).addresses().getFirst();
    }

    /** Adds one value to each of the samples. */
    public void measure() {
        Echo.measure(client, server(), connections, roundTrips);
    }

    /** Where the server listens. */
    static InetSocketAddress server() {
        return new InetSocketAddress(address(1).toInetAddress(), PORT);
    }

    /** One stream over IPv4 on each, all at once, so that each has the same share of a shared machine. */
    public static void streams(List<BenchLane> lanes) {
        streams(lanes, address(1));
    }

    /** The same to another address of the servers. */
    public static void streams(List<BenchLane> lanes, IpAddress to) {
        List<CompletableFuture<Double>> running = lanes.stream()
                .map(lane -> CompletableFuture.supplyAsync(
                        () -> Iperf.gigabitsPerSecond(lane.client, lane.server, to, STREAM_SECONDS),
                        task -> Thread.ofPlatform().daemon().start(task)))
                .toList();
        for (int i = 0; i < lanes.size(); i++) {
            lanes.get(i).streams.add(running.get(i).join());
        }
    }

    /** Checks that the policies are in force: a missing ruleset would be the fastest. */
    public void requireEnforcement() {
        List<Probe.Outcome> outcomes = Probe.check(
                List.of(Probe.Target.tcp(client, address(1), PORT), Probe.Target.tcp(client, address(1), DENIED_PORT)),
                Duration.ofMillis(500));
        if (!outcomes.get(0).reached() || outcomes.get(1).reached()) {
            throw new IllegalStateException("the policies are not in force: " + outcomes);
        }
    }

    @Override
    public void close() {
        listening.close();
        denied.close();
        node.close();
        if (clients != node) {
            clients.close();
        }
    }

    /** This many policies, of which the server's last one allows the client. */
    public static PolicyProgram program(int policies, int selectors) {
        PolicyProgram program = BenchPrograms.program(policies - 1, Math.min(selectors, policies), 20);
        PodProgram server = program.pods().get(RoutedNode.endpoint(1).hostInterface());
        List<CompiledRule> rules = new ArrayList<>();
        if (server != null && !server.ingress().isOpen()) {
            rules.addAll(server.ingress().tiers().getFirst().rules());
        }
        rules.add(BenchPrograms.rule(policies, new PeerMatch.InSet(CLIENT), Iperf.PORT));
        rules.add(BenchPrograms.rule(policies, new PeerMatch.InSet(CLIENT), PORT));
        Map<InterfaceName, PodProgram> pods = new HashMap<>(program.pods());
        pods.put(RoutedNode.endpoint(1).hostInterface(), BenchPrograms.pod(1, rules));
        Map<SetId, AddressSet> sets = new HashMap<>(program.sets());
        sets.put(
                CLIENT,
                new AddressSet(
                        CLIENT,
                        AddressSet.Form.ADDRESSES,
                        "the client",
                        RoutedNode.endpoint(2).addresses().stream()
                                .map(SetMember.AddressMember::new)
                                .collect(Collectors.toSet())));
        return new PolicyProgram(sets, pods);
    }

    /** The pods' TCP passes on segments of this many bytes over IPv6, instead of the default 64 KiB. */
    public void gsoMaxSize(int bytes) {
        String size = Integer.toString(bytes);
        server.ip("link", "set", "eth0", "gso_max_size", size);
        client.ip("link", "set", "eth0", "gso_max_size", size);
        for (int number : List.of(1, 2)) {
            String host = RoutedNode.endpoint(number).hostInterface().value();
            node.namespace().ip("link", "set", host, "gso_max_size", size);
        }
    }

    /** Deletes all measurements. */
    public void clear() {
        connections.clear();
        roundTrips.clear();
    }
}
