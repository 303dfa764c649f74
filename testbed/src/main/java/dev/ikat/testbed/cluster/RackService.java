package dev.ikat.testbed.cluster;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.traffic.Attempts;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A service of type LoadBalancer with a pod on each node of {@link Racks}. Its traffic stays on the node at which it
 * arrives, so each node answers what the routers send it.
 */
public final class RackService {
    /** The address at which it is reached from outside. */
    public static final IpAddress ADDRESS = IpAddress.parse("203.0.113.80");

    /** Its port. */
    public static final int PORT = 80;

    private static final Duration QUICK = Duration.ofSeconds(2);
    private static final Duration EVERY = Duration.ofMillis(2);
    private static final Duration IN_TIME = Duration.ofMillis(250);
    private static final Duration QUIET = Duration.ofSeconds(1);
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Racks racks;
    private final Cluster cluster;

    private RackService(Racks racks) {
        this.racks = racks;
        this.cluster = racks.cluster();
    }

    /** Adds the pods, then the service, whose address is in its status, as a controller writes it there. */
    public static RackService create(Racks racks) {
        RackService service = new RackService(racks);
        racks.cluster()
                .nodes()
                .forEach(node -> node.addPod("web-" + node.name()).serve(ClusterPod.PORT));
        racks.cluster().apply("service.yaml", service.manifests());
        return service;
    }

    private String manifests() {
        return pods() + """
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: web, namespace: default}
                spec:
                  type: LoadBalancer
                  clusterIP: 10.96.0.80
                  externalTrafficPolicy: Local
                  ports: [{protocol: TCP, port: %d}]
                status: {loadBalancer: {ingress: [{ip: %s}]}}
                ---
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
                addressType: IPv4
                ports: [{protocol: TCP, port: %d}]
                endpoints: %s
                """.formatted(PORT, ADDRESS, ClusterPod.PORT, endpoints());
    }

    private String pods() {
        return cluster.pods().stream()
                .map(pod -> Manifests.pod(
                        "default", pod.name(), "{app: web}", pod.node().name(), "[]", pod.addresses()))
                .collect(Collectors.joining());
    }

    private String endpoints() {
        return cluster.pods().stream()
                .map(pod -> "{addresses: [%s], conditions: {ready: true}, nodeName: %s}"
                        .formatted(
                                pod.address(IpFamily.IPV4).orElseThrow(),
                                pod.node().name()))
                .collect(Collectors.joining(", ", "[", "]"));
    }

    /** Makes so many connections from the client at once, and returns how many failed. */
    public int connect(int count) {
        return Probe.failures(Collections.nCopies(count, Probe.Target.tcp(racks.client(), ADDRESS, PORT)), QUICK)
                .size();
    }

    /** How many connections each node has answered so far. */
    public List<Integer> answered() {
        return cluster.pods().stream().map(ClusterPod::accepted).toList();
    }

    /** How often the client makes a connection while something happens. */
    public static Duration every() {
        return EVERY;
    }

    /** Does something while the client makes one connection after the other, and returns how long some have failed. */
    public Attempts.Outage during(Runnable event) {
        try (Attempts attempts = Attempts.start(racks.client(), ADDRESS, PORT, EVERY, IN_TIME)) {
            attempts.awaitQuiet(Instant.now(), QUIET, LIMIT);
            Instant start = Instant.now();
            event.run();
            return attempts.awaitQuiet(start, QUIET, LIMIT);
        }
    }

    /** Waits until all nodes answer again. */
    public void awaitReached(int connections) {
        Await.until(LIMIT, () -> "the service is not reached", () -> connect(connections) == 0);
    }
}
