package dev.ikat.bench;

import dev.ikat.backendtests.RoutedNode;
import dev.ikat.bench.BackendsBench.Kind;
import dev.ikat.bench.BackendsBench.Planes;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.PolicyProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** What the guard of sources costs a packet beside a backend, between two pods of a node and through a tunnel. */
final class GuardCost {
    private static final double AIM = 0.97;
    private static final int ROUNDS = 15;
    /** Other nodes, besides the one that is there. */
    private static final int NODES = 100;

    private static final int POLICIES = 10;

    private final Kind kind;
    private final BenchTable table;
    private final List<AutoCloseable> opened = new ArrayList<>();

    GuardCost(Kind kind, BenchTable table) {
        this.kind = kind;
        this.table = table;
    }

    /** Adds rows to the table. */
    void measure() {
        try {
            compare("on a node", onNode(false), onNode(true));
        } finally {
            closeAll();
        }
        try {
            compare("between nodes", betweenNodes(false), betweenNodes(true));
        } finally {
            closeAll();
        }
    }

    private void closeAll() {
        // A lane's namespaces go last.
        opened.reversed().forEach(part -> {
            try {
                part.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        opened.clear();
    }

    private BenchLane onNode(boolean guarded) {
        BenchLane lane = new BenchLane();
        opened.add(lane);
        SourceGuard guard = enforce(lane.node, BenchLane.program(POLICIES, POLICIES));
        if (guarded) {
            guard.reconcile(state(Set.of(1, 2), Set.of()));
        }
        lane.requireEnforcement();
        return lane;
    }

    private BenchLane betweenNodes(boolean guarded) {
        BenchLane lane = new BenchLane(new RoutedNode(), new RoutedNode());
        opened.add(lane);
        PolicyProgram program = BenchLane.program(POLICIES, POLICIES);
        SourceGuard servers = enforce(lane.node, only(program, 1));
        SourceGuard clients = enforce(lane.clients, only(program, 2));
        if (guarded) {
            servers.reconcile(state(Set.of(1), Set.of(2)));
            clients.reconcile(state(Set.of(2), Set.of(1)));
        }
        lane.requireEnforcement();
        return lane;
    }

    private static PolicyProgram only(PolicyProgram program, int pod) {
        InterfaceName link = RoutedNode.endpoint(pod).hostInterface();
        return new PolicyProgram(
                program.sets(),
                program.pods().entrySet().stream()
                        .filter(entry -> entry.getKey().equals(link))
                        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue)));
    }

    /** Puts policies in force, and returns what could guard sources beside them. */
    private SourceGuard enforce(RoutedNode node, PolicyProgram program) {
        Planes planes = kind.open(node.namespace());
        opened.add(() -> {
            planes.policies().remove();
            planes.policies().close();
        });
        planes.policies().replace(program);
        return planes.guard();
    }

    private static GuardState state(Set<Integer> own, Set<Integer> others) {
        Map<IpAddress, Set<Cidr>> peers = new HashMap<>();
        others.forEach(pod -> peers.put(RoutedNode.nodeAddress(pod), blocks(Set.of(pod))));
        for (int i = 0; i < NODES; i++) {
            peers.put(
                    IpAddress.parse("172.31.1." + i),
                    Set.of(Cidr.parse("10.250.%d.0/24".formatted(i)), Cidr.parse("fd00:10:250:%x::/64".formatted(i))));
        }
        Set<IpAddress> addresses = new HashSet<>(peers.keySet());
        own.forEach(pod -> addresses.add(RoutedNode.nodeAddress(pod)));
        return new GuardState(
                Optional.of(new GuardState.Tunnel(8472, 4796)),
                peers.entrySet().stream()
                        .map(peer -> new GuardState.Peer(Set.of(peer.getKey()), peer.getValue(), Set.of()))
                        .collect(Collectors.toSet()),
                addresses,
                blocks(own),
                Set.of(),
                new InterfaceName(RoutedNode.UPLINK),
                true);
    }

    private static Set<Cidr> blocks(Set<Integer> pods) {
        return pods.stream()
                .flatMap(pod -> RoutedNode.endpoint(pod).addresses().stream())
                .map(Cidr::host)
                .collect(Collectors.toSet());
    }

    private void compare(String where, BenchLane without, BenchLane with) {
        BackendsBench.measure(new ArrayList<>(List.of(without, with)), ROUNDS, BenchLane.address(1));
        String what = kind.title() + ", guarded, " + where + ": ";
        row(what + "a round trip, µs", with.roundTrips, without.roundTrips, "%.1f", false);
        row(what + "connections per second", with.connections, without.connections, "%.0f", true);
        row(what + "one stream, Gbit/s", with.streams, without.streams, "%.1f", true);
    }

    private void row(String measure, Samples with, Samples without, String form, boolean lowIsBad) {
        double ratio = lowIsBad
                ? with.dividedBy(without).median()
                : without.dividedBy(with).median();
        table.atLeast(measure, with.show(form, lowIsBad), "unguarded", without.show(form, lowIsBad), ratio, AIM);
    }
}
