package dev.ikat.bench;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/**
 * {@code ./dev bench api}: one agent and the API of a large cluster, which is a server on the same two processors. The
 * time of a policy change is measured from the moment at which the API has it until the first packet that it allows has
 * arrived in a pod.
 */
@Command(
        name = "api",
        mixinStandardHelpOptions = true,
        usageHelpWidth = 120,
        description = {
            "One agent and the API of a large cluster: its start, its memory, and the time of a policy change.",
            "The API, a server on the same processors, has 1,000 nodes, 50,000 pods and 5,000 "
                    + "policies; 110 pods run on this",
            "node. A policy change is measured from the moment at which the API has it until the "
                    + "first packet that it allows",
            "has arrived. The exit code is 3 if an aim is not met."
        })
public final class ApiBench implements Callable<Integer> {
    private static final int NODES = 1_000;
    private static final int PODS = 50_000;
    private static final int NAMESPACES = 500;
    private static final int POLICIES = 5_000;
    private static final int LOCAL_PODS = 110;
    private static final int CHANGES = 300;
    private static final int POD_EVENTS_PER_SECOND = 100;
    private static final int FIRST_PORT = 20_000;
    private static final Duration READY_LIMIT = Duration.ofMinutes(2);
    private static final Duration PACKET_INTERVAL = Duration.ofNanos(500_000);
    private static final Duration CHANGE_INTERVAL = Duration.ofMillis(100);
    private static final Duration SETTLING = Duration.ofSeconds(2);
    private static final Duration ARRIVAL_LIMIT = Duration.ofSeconds(10);

    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1) / POD_EVENTS_PER_SECOND;

    private static final int TARGET = 0;
    private static final int CLIENT = 1;
    private static final String NODES_PATH = "/api/v1/nodes";
    private static final String NAMESPACES_PATH = "/api/v1/namespaces";
    private static final String PODS_PATH = "/api/v1/pods";
    private static final String POLICIES_PATH = "/apis/networking.k8s.io/v1/networkpolicies";

    /** Half of what an API server sends is of this kind. */
    private static final String MANAGED = """
            {"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1",
             "fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{x}":{".":{},
             "f:image":{},"f:name":{},"f:ports":{".":{}},"f:resources":{}}},"f:nodeName":{},"f:restartPolicy":{}},
             "f:status":{"f:conditions":{".":{}},"f:phase":{},"f:podIPs":{".":{}}}}}""";

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);
    private final Random random = new Random(1);
    private final AtomicBoolean over = new AtomicBoolean();

    @Override
    public Integer call() throws InterruptedException, IOException {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            run(cluster.nodes().getFirst());
        }
        terminal.heading(String.format(
                Locale.ROOT,
                "an API of %,d nodes, %,d pods, %,d policies; %d pods on this node",
                NODES,
                PODS,
                POLICIES,
                LOCAL_PODS));
        return table.conclude();
    }

    private void run(ClusterNode node) throws InterruptedException, IOException {
        ApiTestServer api = InNamespace.call(node.namespace().path(), () -> ApiTestServer.start(0));
        try {
            fill(api, node);
            Path kubeconfig = api.kubeconfig(node.runDirectory().resolveSibling("kubeconfig"));
            long start = System.nanoTime();
            node.startAgent("--kubeconfig=" + kubeconfig);
            node.awaitReady(READY_LIMIT);
            double seconds = (System.nanoTime() - start) / 1e9;
            table.atMost("ready after the start", "%.1f".formatted(seconds), seconds, 15, "s");
            table.atMost("resident then", shown(resident(node)), resident(node), 350, "MiB");
            List<ClusterPod> pods = new ArrayList<>();
            for (int i = 0; i < LOCAL_PODS; i++) {
                ClusterPod pod =
                        node.addPod(localNamespace(i), "local-" + i, new Json.Obj(Map.of()), TestNamespace.create());
                pods.add(pod);
                api.put(PODS_PATH, "local-" + i, localPod(node, i, pod.addresses()));
            }
            policyChanges(api, pods.get(TARGET), pods.get(CLIENT));
            table.atMost("resident at the end", shown(resident(node)), resident(node), 350, "MiB");
        } finally {
            over.set(true);
            api.close();
        }
    }

    private void fill(ApiTestServer api, ClusterNode node) {
        api.put(
                NODES_PATH,
                node.name(),
                node(
                        node.name(),
                        node.podCidrs().getFirst().toString(),
                        node.internalIps().getFirst().address().toString()));
        for (int i = 1; i < NODES; i++) {
            api.put(
                    NODES_PATH,
                    "remote-" + i,
                    node(
                            "remote-" + i,
                            "10.%d.%d.0/24".formatted(16 + i / 256, i % 256),
                            "172.16.%d.%d".formatted(i / 256, i % 256)));
        }
        for (int i = 0; i < NAMESPACES; i++) {
            api.put(NAMESPACES_PATH, "ns-" + i, """
                    {"metadata":{"name":"ns-%d","labels":{"team":"t%d"},"managedFields":[%s]},
                     "spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}
                    """.formatted(i, i % 50, MANAGED));
        }
        for (int i = 0; i < LOCAL_PODS; i++) {
            api.put(PODS_PATH, "local-" + i, localPod(node, i, List.of()));
        }
        for (int i = LOCAL_PODS; i < PODS; i++) {
            api.put(PODS_PATH, "remote-" + i, remotePod(i, i % 10));
        }
        for (int i = 0; i < POLICIES; i++) {
            api.put(POLICIES_PATH, "policy-" + i, policy("ns-" + i % NAMESPACES, "policy-" + i, """
                    "podSelector":{"matchLabels":{"app":"a%d"}},
                    "ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"a%d"}}},
                                        {"namespaceSelector":{"matchLabels":{"team":"t%d"}},
                                         "podSelector":{"matchLabels":{"app":"a%d"}}}],
                                "ports":[{"port":%d}]}]
                    """.formatted(
                            i / NAMESPACES, (i / NAMESPACES + 1) % 10, i % 50, i % 10, 8_000 + i % 100)));
        }
    }

    private static String node(String name, String cidr, String ip) {
        return """
                {"metadata":{"name":"%s","labels":{"kubernetes.io/hostname":"%s"},"managedFields":[%s]},
                 "spec":{"podCIDR":"%s","podCIDRs":["%s"]},
                 "status":{"addresses":[{"type":"InternalIP","address":"%s"}],
                           "conditions":[{"type":"Ready","status":"True","message":"kubelet is posting ready status"}],
                           "images":[{"names":["an/image:1","another/image:2"],"sizeBytes":1000000}]}}
                """.formatted(name, name, MANAGED, cidr, cidr, ip);
    }

    private static String localNamespace(int i) {
        return "ns-" + i / 2;
    }

    /** The first two have labels of their own. */
    private static String localPod(ClusterNode node, int i, List<IpAddress> addresses) {
        String app = i == TARGET ? "target" : i == CLIENT ? "client" : "a" + i % 10;
        return pod(localNamespace(i), "local-" + i, app, node.name(), addresses);
    }

    private static String remotePod(int i, int app) {
        int host = i % (NODES - 1) + 1;
        return pod(
                "ns-" + i % NAMESPACES,
                "remote-" + i,
                "a" + app,
                "remote-" + host,
                List.of(IpAddress.parse(
                        "10.%d.%d.%d".formatted(16 + host / 256, host % 256, 2 + i / (NODES - 1) % 250))));
    }

    private static String pod(String namespace, String name, String app, String node, List<IpAddress> addresses) {
        String ips = addresses.stream().map(ip -> "{\"ip\":\"" + ip + "\"}").collect(Collectors.joining(","));
        return """
                {"metadata":{"name":"%s","namespace":"%s","uid":"11111111-2222-3333-4444-555555555555",
                  "labels":{"app":"%s","pod-template-hash":"%x"},"annotations":{"checksum/config":"0123456789abcdef"},
                  "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","controller":true}],
                  "managedFields":[%s]},
                 "spec":{"nodeName":"%s","serviceAccountName":"default","schedulerName":"default-scheduler",
                  "containers":[{"name":"main","image":"an/image:1","env":[{"name":"A","value":"1"}],
                    "ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],
                    "resources":{"requests":{"cpu":"100m","memory":"128Mi"}}}],
                  "volumes":[{"name":"token","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}]},
                 "status":{"phase":"Running","podIPs":[%s],"conditions":[{"type":"Ready","status":"True"}],
                  "containerStatuses":[{"name":"main","ready":true,"restartCount":0,"image":"an/image:1"}]}}
                """.formatted(name, namespace, app, namespace.hashCode(), MANAGED, node, ips);
    }

    private static String policy(String namespace, String name, String spec) {
        return "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"managedFields\":[%s]},\"spec\":{%s}}"
                .formatted(name, namespace, MANAGED, spec);
    }

    private void policyChanges(ApiTestServer api, ClusterPod target, ClusterPod client) throws InterruptedException {
        Map<Integer, Long> arrived = new ConcurrentHashMap<>();
        AtomicInteger port = new AtomicInteger(FIRST_PORT - 1);
        IpAddress address = target.addresses().getFirst();
        Thread receiver = inNamespace(target.namespace(), () -> receive(address, arrived));
        Thread sender = inNamespace(client.namespace(), () -> send(address, port));
        Thread flow = Thread.ofPlatform().start(() -> podEvents(api));
        Samples latencies = new Samples();
        // From here on the target is isolated.
        allow(api, FIRST_PORT - 1);
        Thread.sleep(SETTLING);
        for (int i = 0; i < CHANGES; i++) {
            int next = FIRST_PORT + i;
            port.set(next);
            Thread.sleep(CHANGE_INTERVAL.dividedBy(2));
            if (arrived.containsKey(next)) {
                throw new IllegalStateException("port " + next + " was open before a policy allowed it");
            }
            long start = System.nanoTime();
            allow(api, next);
            while (!arrived.containsKey(next)) {
                if (System.nanoTime() - start > ARRIVAL_LIMIT.toNanos()) {
                    throw new IllegalStateException("nothing has arrived at port " + next + " in " + ARRIVAL_LIMIT);
                }
                LockSupport.parkNanos(200_000);
            }
            latencies.add((arrived.getOrDefault(next, start) - start) / 1e6);
            Thread.sleep(CHANGE_INTERVAL.dividedBy(2));
        }
        over.set(true);
        for (Thread thread : List.of(receiver, sender, flow)) {
            thread.join();
        }
        String measure = "policy change, from the API to the first packet, %s, with %d pod events/s"
                .formatted("%s", POD_EVENTS_PER_SECOND);
        table.atMost(measure.formatted("p50"), shown(latencies.median()), latencies.median(), 20, "ms");
        table.atMost(measure.formatted("p99"), shown(latencies.quantile(0.99)), latencies.quantile(0.99), 100, "ms");
    }

    private static void allow(ApiTestServer api, int port) {
        api.put(POLICIES_PATH, "probe", policy(localNamespace(TARGET), "probe", """
                "podSelector":{"matchLabels":{"app":"target"}},
                "ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],
                            "ports":[{"protocol":"UDP","port":%d}]}]
                """.formatted(port)));
    }

    private static String shown(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    private static Thread inNamespace(TestNamespace namespace, Runnable body) {
        return Thread.ofPlatform()
                .daemon()
                .start(() -> InNamespace.call(namespace.path(), () -> {
                    body.run();
                    return "";
                }));
    }

    /** Notes when the first packet came to each port. */
    private void receive(IpAddress address, Map<Integer, Long> arrived) {
        ByteBuffer buffer = ByteBuffer.allocate(16);
        try (Selector selector = Selector.open()) {
            for (int i = 0; i < CHANGES; i++) {
                DatagramChannel channel = DatagramChannel.open();
                channel.bind(new InetSocketAddress(address.toInetAddress(), FIRST_PORT + i));
                channel.configureBlocking(false);
                channel.register(selector, SelectionKey.OP_READ, FIRST_PORT + i);
            }
            while (!over.get()) {
                selector.select(
                        key -> {
                            arrived.putIfAbsent((Integer) key.attachment(), System.nanoTime());
                            drain((DatagramChannel) key.channel(), buffer);
                        },
                        100);
            }
            for (SelectionKey key : selector.keys()) {
                key.channel().close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void drain(DatagramChannel channel, ByteBuffer buffer) {
        try {
            while (channel.receive(buffer.clear()) != null) {
                // What it says does not matter.
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Packets of connections of their own to the port, all the time. */
    private void send(IpAddress address, AtomicInteger port) {
        ByteBuffer byteBuffer = ByteBuffer.allocate(1);
        while (!over.get()) {
            try (DatagramChannel channel = DatagramChannel.open()) {
                channel.send(byteBuffer.rewind(), new InetSocketAddress(address.toInetAddress(), port.get()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            LockSupport.parkNanos(PACKET_INTERVAL.toNanos());
        }
    }

    /** Pods elsewhere are relabelled, go and come. */
    private void podEvents(ApiTestServer api) {
        long next = System.nanoTime();
        while (!over.get()) {
            int pod = LOCAL_PODS + random.nextInt(PODS - LOCAL_PODS - 1);
            switch (random.nextInt(4)) {
                case 0 -> {
                    api.remove(PODS_PATH, "remote-" + pod);
                    api.put(PODS_PATH, "remote-" + pod, remotePod(pod, pod % 10));
                    next += INTERVAL;
                }
                default -> api.put(PODS_PATH, "remote-" + pod, remotePod(pod, random.nextInt(10)));
            }
            next += INTERVAL;
            LockSupport.parkNanos(next - System.nanoTime());
        }
    }

    /** VmRSS of proc(5), in MiB. */
    private static double resident(ClusterNode node) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + node.agent().pid() + "/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToDouble(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024.0)
                .findFirst()
                .orElseThrow();
    }
}
