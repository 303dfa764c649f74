package dev.ikat.testbed.demo;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The end of the demo: who reaches whom once everything is denied, and once one thing is allowed again; and what was
 * dropped meanwhile, with the policy because of which, as the agents tell it.
 */
final class PolicyScene {
    private static final Duration EFFECT = Duration.ofSeconds(5);
    private static final Duration QUICK = Duration.ofMillis(250);
    private static final String NAMESPACE = "default";
    private static final String FILE = "policies.yaml";
    private static final int SHOWN_DROPS = 6;
    private static final Pattern DROP = Pattern.compile(
            "event=policy-drop drop=\\S+ pod=(\\S+) peer=\"?([^ \"]+)(?: \\((\\S+)\\))?\"? protocol=(\\S+) policies=(\\S+)");

    private static final String DENY = Manifests.networkPolicy(NAMESPACE, "default-deny", """
            podSelector: {}
            policyTypes: [Ingress]
            """);

    private final Cluster cluster;
    private final Terminal terminal;

    PolicyScene(Cluster cluster, Terminal terminal) {
        this.cluster = cluster;
        this.terminal = terminal;
    }

    /** What the API server says of a pod: its label {@code app} is its name. */
    static String manifest(String pod, ClusterNode node, List<IpAddress> addresses) {
        return Manifests.pod(NAMESPACE, pod, "{app: " + pod + "}", node.name(), "[]", addresses);
    }

    /** Plays it; false if anything was otherwise than the policies say. */
    boolean play() {
        List<ClusterPod> pods = cluster.pods();
        ClusterPod client = pods.getFirst();
        ClusterPod server = pods.getLast();
        boolean denied = act("NetworkPolicy default-deny: no pod may be reached", DENY, (_, _) -> false);
        boolean allowed = act(
                "NetworkPolicy allow: %s may be reached by %s, TCP port %d"
                        .formatted(server.name(), client.name(), ClusterPod.PORT),
                DENY
                        + Manifests.networkPolicy(
                                NAMESPACE, "allow", """
                        podSelector: {matchLabels: {app: %s}}
                        ingress:
                          - from: [{podSelector: {matchLabels: {app: %s}}}]
                            ports: [{port: %d}]
                        """.formatted(server.name(), client.name(), ClusterPod.PORT)),
                (from, to) -> from == client && to == server);
        boolean told = showDrops();
        cluster.delete(FILE);
        return denied && allowed && told;
    }

    private boolean act(String title, String policies, BiPredicate<ClusterPod, ClusterPod> expected) {
        List<Probe.Target> targets = new ArrayList<>();
        List<Boolean> wanted = new ArrayList<>();
        for (ClusterPod from : cluster.pods()) {
            for (ClusterPod to : cluster.pods()) {
                for (IpAddress address : from == to ? List.<IpAddress>of() : to.addresses()) {
                    targets.add(Probe.Target.tcp(from.namespace(), address, ClusterPod.PORT));
                    wanted.add(expected.test(from, to));
                }
            }
        }
        long start = System.nanoTime();
        cluster.apply(FILE, policies);
        AtomicReference<List<Boolean>> last = new AtomicReference<>(List.of());
        try {
            Await.until(EFFECT, () -> "", () -> {
                last.set(reached(targets));
                return last.get().equals(wanted);
            });
        } catch (CommandFailedException e) {
            // The table shows what is not as wanted.
        }
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        List<Boolean> reached = last.get();
        terminal.heading(title
                + " (each cell: TCP v4, TCP v6; seen %s after the file was written)"
                        .formatted(Terminal.milliseconds(took)));
        terminal.table(table(reached, wanted));
        return reached.equals(wanted);
    }

    private static List<Boolean> reached(List<Probe.Target> targets) {
        return Probe.check(targets, QUICK).stream().map(Probe.Outcome::reached).toList();
    }

    private List<List<String>> table(List<Boolean> reached, List<Boolean> wanted) {
        List<List<String>> rows = new ArrayList<>();
        List<String> header = new ArrayList<>(List.of("from \\ to"));
        cluster.pods().forEach(pod -> header.add(pod.name()));
        rows.add(header);
        int next = 0;
        for (ClusterPod from : cluster.pods()) {
            List<String> row = new ArrayList<>(List.of("%s (%s)".formatted(from.name(), from.node())));
            for (ClusterPod to : cluster.pods()) {
                List<String> cell = new ArrayList<>();
                for (int i = 0; from != to && i < to.addresses().size(); i++) {
                    cell.add(mark(reached.get(next), wanted.get(next)));
                    next++;
                }
                row.add(String.join(" ", cell));
            }
            rows.add(row);
        }
        return rows;
    }

    private String mark(boolean reached, boolean wanted) {
        if (reached != wanted) {
            return terminal.no();
        }
        return reached ? terminal.yes() : terminal.faint("--");
    }

    /** What the agents logged, each kind of drop once. */
    private boolean showDrops() {
        try {
            Await.until(EFFECT, () -> "no drop", () -> !drops().isEmpty());
        } catch (CommandFailedException e) {
            terminal.line("  " + terminal.no() + " no agent reported a drop");
            return false;
        }
        Set<List<String>> drops = drops();
        terminal.heading("Drops, and the policies that caused them, as the agents log them");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("from", "to", "what", "no rule allows it of"));
        drops.stream().limit(SHOWN_DROPS).forEach(rows::add);
        terminal.table(rows);
        int more = drops.size() - SHOWN_DROPS;
        terminal.line(terminal.faint("  %sikat_policy_drops_total: %s"
                .formatted(
                        more > 0 ? "and %d more kinds; ".formatted(more) : "",
                        cluster.nodes().stream()
                                .map(node -> "%.0f on %s".formatted(droppedOn(node), node))
                                .collect(Collectors.joining(", ")))));
        return true;
    }

    private Set<List<String>> drops() {
        Set<List<String>> drops = new LinkedHashSet<>();
        for (ClusterNode node : cluster.nodes()) {
            try {
                for (String line : Files.readAllLines(node.log())) {
                    Matcher drop = DROP.matcher(line);
                    if (drop.find()) {
                        String peer = drop.group(3) == null ? drop.group(2) : drop.group(3);
                        drops.add(List.of(peer, drop.group(1), drop.group(4), drop.group(5)));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return drops;
    }

    private static double droppedOn(ClusterNode node) {
        return node.metrics()
                .lines()
                .filter(line -> line.startsWith("ikat_policy_drops_total{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }
}
