package dev.ikat.nftables;

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
import dev.ikat.testbed.BenchTable;
import dev.ikat.testbed.Iperf;
import dev.ikat.testbed.Probe;
import dev.ikat.testbed.Samples;
import dev.ikat.testbed.Terminal;
import dev.ikat.testbed.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * What policies cost a packet: connections and round trips between two pods of one node that has few policies, many, or
 * many as a linear chain of iptables. The nodes take turns within each round.
 */
final class PolicyPathBench {
    private static final int PORT = 9000;
    private static final int DENIED_PORT = 9001;
    private static final int ROUNDS = 15;
    private static final int STREAM_ROUNDS = 5;
    private static final int STREAM_SECONDS = 3;
    private static final int CONNECTIONS = 400;
    private static final int ROUND_TRIPS = 3000;
    private static final int SELECTORS = 400;
    private static final int FEW = 10;
    private static final int MANY = 10_000;

    private final Terminal terminal;
    private final BenchTable table;

    PolicyPathBench(Terminal terminal, BenchTable table) {
        this.terminal = terminal;
        this.table = table;
    }

    /** A node with a client and a server, and what was measured between them. */
    private static final class Lane implements AutoCloseable {
        final RoutedNode node = new RoutedNode();
        final TestNamespace server = node.addPod(RoutedNode.endpoint(1));
        final TestNamespace client = node.addPod(RoutedNode.endpoint(2));
        final Samples connections = new Samples();
        final Samples roundTrips = new Samples();
        final Samples streams = new Samples();
        private final ServerSocketChannel listening;
        private final Probe.Server denied;

        Lane() {
            listening = serve();
            denied = Probe.serve(server, DENIED_PORT);
        }

        static IpAddress address(int number) {
            return RoutedNode.endpoint(number).addresses().getFirst();
        }

        /** Accepts, and sends back byte for byte until the other side closes. */
        private ServerSocketChannel serve() {
            ServerSocketChannel socket = InNamespace.call(server.path(), () -> {
                try {
                    return ServerSocketChannel.open().bind(new InetSocketAddress(PORT), 1024);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            Thread.ofPlatform().daemon().start(() -> {
                ByteBuffer one = ByteBuffer.allocateDirect(1);
                while (true) {
                    try (SocketChannel accepted = socket.accept()) {
                        accepted.setOption(StandardSocketOptions.TCP_NODELAY, true);
                        for (one.clear(); accepted.read(one) > 0; one.clear()) {
                            accepted.write(one.flip());
                        }
                    } catch (IOException e) {
                        if (!socket.isOpen()) {
                            return;
                        }
                    }
                }
            });
            return socket;
        }

        void measure() {
            InNamespace.call(client.path(), () -> {
                try {
                    connections.add(CONNECTIONS / seconds(CONNECTIONS, 1));
                    roundTrips.add(1e6 * seconds(1, ROUND_TRIPS) / ROUND_TRIPS);
                    return true;
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }

        private double seconds(int count, int echoes) throws IOException {
            ByteBuffer one = ByteBuffer.allocateDirect(1);
            InetSocketAddress to = new InetSocketAddress(address(1).toInetAddress(), PORT);
            long start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                try (SocketChannel socket = SocketChannel.open()) {
                    // Closed by a reset: no port waits for stray segments.
                    socket.setOption(StandardSocketOptions.SO_LINGER, 0);
                    socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
                    socket.connect(to);
                    for (int echo = 0; echo < echoes; echo++) {
                        one.clear();
                        socket.write(one);
                        one.clear();
                        if (socket.read(one) != 1) {
                            throw new IOException("the server has closed the connection");
                        }
                    }
                }
            }
            return (System.nanoTime() - start) / 1e9;
        }

        /** A rule set that is not there would be the fastest. */
        void requireEnforcement() {
            List<Probe.Outcome> outcomes = Probe.check(
                    List.of(
                            Probe.Target.tcp(client, address(1), PORT),
                            Probe.Target.tcp(client, address(1), DENIED_PORT)),
                    Duration.ofMillis(500));
            if (!outcomes.get(0).reached() || outcomes.get(1).reached()) {
                throw new IllegalStateException("the policies are not in force: " + outcomes);
            }
        }

        @Override
        public void close() {
            try {
                listening.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            denied.close();
            node.close();
        }
    }

    void run() {
        try (Lane few = new Lane();
                Lane many = new Lane();
                Lane linear = new Lane();
                NftablesTable fewTable = nftables(few, FEW);
                NftablesTable manyTable = nftables(many, MANY)) {
            if (!fewTable.isPresent() || !manyTable.isPresent()) {
                throw new IllegalStateException("a table is not there");
            }
            iptables(linear, MANY);
            List<Lane> lanes = new ArrayList<>(List.of(few, many, linear));
            lanes.forEach(Lane::requireEnforcement);
            lanes.forEach(Lane::measure); // To warm up.
            for (Lane lane : lanes) {
                lane.connections.clear();
                lane.roundTrips.clear();
            }
            for (int round = 0; round < ROUNDS; round++) {
                lanes.forEach(Lane::measure);
                Collections.rotate(lanes, 1);
                terminal.line(terminal.faint("  per packet, round %d of %d".formatted(round + 1, ROUNDS)));
            }
            stream(lanes);
            report("10,000 policies: one stream, Gbit/s", many.streams, few.streams, linear.streams, true);
            report("10,000 policies: a round trip, µs", many.roundTrips, few.roundTrips, linear.roundTrips, false);
            report(
                    "10,000 policies: connections per second",
                    many.connections,
                    few.connections,
                    linear.connections,
                    true);
        }
    }

    /** All at once, so that each has the same share of a shared machine. */
    private void stream(List<Lane> lanes) {
        for (int round = 0; round < STREAM_ROUNDS; round++) {
            List<CompletableFuture<Double>> running = lanes.stream()
                    .map(lane -> CompletableFuture.supplyAsync(
                            () -> Iperf.gigabitsPerSecond(lane.client, lane.server, Lane.address(1), STREAM_SECONDS),
                            task -> Thread.ofVirtual().start(task)))
                    .toList();
            for (int i = 0; i < lanes.size(); i++) {
                lanes.get(i).streams.add(running.get(i).join());
            }
            Collections.rotate(lanes, 1);
            terminal.line(terminal.faint("  streams, round %d of %d".formatted(round + 1, STREAM_ROUNDS)));
        }
    }

    private void report(String measure, Samples many, Samples few, Samples linear, boolean lowIsBad) {
        double cost =
                lowIsBad ? few.dividedBy(many).median() : many.dividedBy(few).median();
        double times = lowIsBad
                ? many.dividedBy(linear).median()
                : linear.dividedBy(many).median();
        String form = many.median() < 100 ? "%.1f" : "%.0f";
        String shown = many.show(form, lowIsBad);
        table.atMostTimes(measure, shown, "10 policies", few.show(form, lowIsBad), cost, 1.05);
        table.note(measure, shown, "iptables, linear", linear.show(form, lowIsBad), OptionalDouble.of(times));
    }

    private static final SetId CLIENT = new SetId("client");

    /** The server's own policy, which is the last of its rules. */
    private static NftablesTable nftables(Lane lane, int policies) {
        PolicyProgram program = PolicyBench.program(policies - 1, Math.min(SELECTORS, policies), 20);
        PodProgram server = program.pods().get(RoutedNode.endpoint(1).hostInterface());
        List<CompiledRule> rules = new ArrayList<>();
        if (server != null && !server.ingress().isOpen()) {
            rules.addAll(server.ingress().tiers().getFirst().rules());
        }
        rules.add(PolicyBench.rule(policies, new PeerMatch.InSet(CLIENT), Iperf.PORT));
        rules.add(PolicyBench.rule(policies, new PeerMatch.InSet(CLIENT), PORT));
        Map<InterfaceName, PodProgram> pods = new HashMap<>(program.pods());
        pods.put(RoutedNode.endpoint(1).hostInterface(), PolicyBench.pod(1, rules));
        Map<SetId, AddressSet> sets = new HashMap<>(program.sets());
        sets.put(
                CLIENT,
                new AddressSet(
                        CLIENT,
                        AddressSet.Form.ADDRESSES,
                        "the client",
                        Set.of(new SetMember.AddressMember(Lane.address(2)))));
        NftablesTable table = InNamespace.call(lane.node.namespace().path(), () -> NftablesTable.open(true));
        new NftablesBackend(table, OptionalInt.of(4796)).replace(new PolicyProgram(sets, pods));
        return table;
    }

    /** The same policies as one chain, each a rule with one peer. */
    private static void iptables(Lane lane, int policies) {
        StringBuilder rules = new StringBuilder("""
                *filter
                :FORWARD ACCEPT [0:0]
                -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
                """);
        for (int i = 0; i < policies - 1; i++) {
            rules.append("-A FORWARD -s ")
                    .append(IpAddress.v4((11 << 24) + i))
                    .append(" -d ")
                    .append(Lane.address(1 + i % 110))
                    .append(" -p tcp -m tcp --dport ")
                    .append(1000 + i / 110)
                    .append(" -j ACCEPT\n");
        }
        for (int port : List.of(Iperf.PORT, PORT)) {
            rules.append("-A FORWARD -s ")
                    .append(Lane.address(2))
                    .append(" -d ")
                    .append(Lane.address(1));
            rules.append(" -p tcp -m tcp --dport ").append(port).append(" -j ACCEPT\n");
        }
        rules.append("-A FORWARD -d ").append(Lane.address(1)).append(" -j DROP\nCOMMIT\n");
        lane.node
                .namespace()
                .runner("iptables-legacy-restore")
                .withInput(rules.toString())
                .run()
                .orThrow();
    }
}
