package dev.ikat.testbed.demo;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A service in the demo, without a kube-proxy: its connections go to all of its pods; to those that are left when one
 * goes; and to one of them if the service asks for session affinity.
 */
final class ServiceScene {
    private static final Duration EFFECT = Duration.ofSeconds(5);
    private static final Duration QUICK = Duration.ofSeconds(1);
    private static final int BACKENDS = 3;
    private static final int CONNECTIONS = 30;
    private static final int PORT = 80;
    private static final Map<IpFamily, IpAddress> ADDRESSES =
            Map.of(IpFamily.IPV4, IpAddress.parse("10.96.0.80"), IpFamily.IPV6, IpAddress.parse("fd96::80"));

    private final Cluster cluster;
    private final Terminal terminal;
    private final ClusterPod client;
    private final List<ClusterPod> backends;
    private final List<List<String>> rows = new ArrayList<>();

    ServiceScene(Cluster cluster, Terminal terminal) {
        this.cluster = cluster;
        this.terminal = terminal;
        List<ClusterPod> pods = cluster.pods();
        this.client = pods.getFirst();
        this.backends = pods.subList(Math.max(1, pods.size() - BACKENDS), pods.size());
        List<String> header = new ArrayList<>(List.of("connections from " + client.name()));
        backends.forEach(pod -> header.add("to " + pod.name()));
        rows.add(header);
    }

    /** Plays it; false if anything was otherwise than the service says. */
    boolean play() {
        boolean spread = act(
                "to the service, IPv4 and IPv6",
                backends,
                false,
                counts -> counts.values().stream().allMatch(count -> count > 0));
        ClusterPod last = backends.getLast();
        boolean left = backends.size() == 1
                || act(
                        "after " + last.name() + " has gone",
                        backends.subList(0, backends.size() - 1),
                        false,
                        counts -> counts.getOrDefault(last, 0) == 0);
        boolean affine = act(
                "with sessionAffinity: ClientIP, IPv4",
                backends,
                true,
                counts -> counts.values().stream().filter(count -> count > 0).count() == 1);
        terminal.heading("Service web, %s and %s, port %d, whose pods listen on %d"
                .formatted(ADDRESSES.get(IpFamily.IPV4), ADDRESSES.get(IpFamily.IPV6), PORT, ClusterPod.PORT));
        terminal.table(rows);
        cluster.delete("service.yaml");
        return spread && left && affine;
    }

    private boolean act(
            String title, List<ClusterPod> endpoints, boolean affinity, Predicate<Map<ClusterPod, Integer>> expected) {
        cluster.apply("service.yaml", service(affinity) + slices(endpoints));
        List<Probe.Target> targets = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            targets.add(Probe.Target.tcp(client.namespace(), address(IpFamily.IPV4), PORT));
            if (!affinity) {
                targets.add(Probe.Target.tcp(client.namespace(), address(IpFamily.IPV6), PORT));
            }
        }
        AtomicReference<Map<ClusterPod, Integer>> last = new AtomicReference<>(Map.of());
        boolean asExpected = true;
        try {
            // The agents read the file a moment later.
            Await.until(EFFECT, () -> "", () -> {
                Map<ClusterPod, Integer> before = accepted();
                boolean reached = Probe.failures(targets, QUICK).isEmpty();
                Map<ClusterPod, Integer> counts = accepted();
                before.forEach((pod, count) -> counts.merge(pod, -count, Integer::sum));
                last.set(counts);
                return reached && expected.test(counts);
            });
        } catch (CommandFailedException e) {
            asExpected = false;
        }
        List<String> row = new ArrayList<>(List.of((asExpected ? "" : terminal.no() + " ") + title));
        backends.forEach(pod -> row.add(String.valueOf(last.get().getOrDefault(pod, 0))));
        rows.add(row);
        return asExpected;
    }

    private static IpAddress address(IpFamily family) {
        IpAddress address = ADDRESSES.get(family);
        if (address == null) {
            throw new IllegalArgumentException("no address of " + family);
        }
        return address;
    }

    /** How many connections each has accepted so far. */
    private Map<ClusterPod, Integer> accepted() {
        Map<ClusterPod, Integer> counts = new LinkedHashMap<>();
        backends.forEach(pod -> counts.put(pod, pod.accepted()));
        return counts;
    }

    private static String service(boolean affinity) {
        return """
                apiVersion: v1
                kind: Service
                metadata: {name: web, namespace: default}
                spec:
                  clusterIP: %1$s
                  clusterIPs: ["%1$s", "%2$s"]
                  ipFamilies: [IPv4, IPv6]
                  sessionAffinity: %3$s
                  ports: [{protocol: TCP, port: %4$d}]
                """.formatted(address(IpFamily.IPV4), address(IpFamily.IPV6), affinity ? "ClientIP" : "None", PORT);
    }

    private static String slices(List<ClusterPod> endpoints) {
        return Stream.of(IpFamily.values())
                .map(family -> """
                        ---
                        apiVersion: discovery.k8s.io/v1
                        kind: EndpointSlice
                        metadata: {name: web-%1$s, namespace: default, labels: {kubernetes.io/service-name: web}}
                        addressType: %2$s
                        ports: [{protocol: TCP, port: %3$d}]
                        endpoints: %4$s
                        """.formatted(
                                family.title().toLowerCase(Locale.ROOT),
                                family.title(),
                                ClusterPod.PORT,
                                endpoints.stream()
                                        .map(pod -> "{addresses: [\"%s\"], nodeName: %s}"
                                                .formatted(
                                                        pod.address(family).orElseThrow(),
                                                        pod.node().name()))
                                        .collect(Collectors.joining(", ", "[", "]"))))
                .collect(Collectors.joining());
    }
}
