package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Endpoints change 10,000 times a minute, of services that are not used and of one that is.
 * {@code -Dikat.churn.seconds=60} has it go on for so long.
 */
@RequiresProgram({"nft", "ipset", "conntrack"})
final class ServiceChurnIT extends ApiScene {
    private static final String SERVICES = "/api/v1/services";
    private static final String SLICES = "/apis/discovery.k8s.io/v1/endpointslices";
    private static final int PER_MINUTE = 10_000;
    private static final int SECONDS = Integer.getInteger("ikat.churn.seconds", 6);
    private static final int COUNT = 100;
    /** One change in so many is the used service's. */
    private static final int OF_THE_USED = 4;

    private static final int CONNECTIONS = 20;
    private static final long PAUSE_NANOS = 5_000_000;
    private static final int PORT = 80;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final AtomicBoolean ended = new AtomicBoolean();
    /** New connections that were answered. */
    private final AtomicInteger made = new AtomicInteger();

    private final AtomicInteger failed = new AtomicInteger();

    private static String address(int number) {
        return "10.96.1." + number;
    }

    private void service(int number) {
        api.put(SERVICES, "web-" + number, """
                {"metadata":{"name":"web-%1$d","namespace":"shop"},
                 "spec":{"type":"ClusterIP","clusterIP":"%2$s","clusterIPs":["%2$s"],"ipFamilies":["IPv4"],
                  "ports":[{"protocol":"TCP","port":%3$d,"targetPort":%4$d}]}}
                """.formatted(number, address(number), PORT, ClusterPod.PORT));
    }

    private void endpoints(int service, ClusterPod... pods) {
        StringBuilder endpoints = new StringBuilder();
        for (ClusterPod pod : pods) {
            endpoints
                    .append(endpoints.isEmpty() ? "" : ",")
                    .append("{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true}}"
                            .formatted(pod.addresses().getFirst()));
        }
        api.put(SLICES, "web-" + service, """
                {"metadata":{"name":"web-%1$d","namespace":"shop","labels":{"kubernetes.io/service-name":"web-%1$d"}},
                 "addressType":"IPv4","ports":[{"name":"","protocol":"TCP","port":%2$d}],"endpoints":[%3$s]}
                """.formatted(service, ClusterPod.PORT, endpoints));
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void tenThousandChangesAMinuteCutNoConnectionAndRefuseNoNewOne(String backend) throws Exception {
        for (int i = 0; i < COUNT; i++) {
            service(i);
        }
        start("--services=true", "--policy-backend=" + backend);
        ClusterPod client = add("client");
        ClusterPod stays = add("server");
        ClusterPod comesAndGoes = add("late");
        stays.serve();
        comesAndGoes.serve();
        for (int i = 0; i < COUNT; i++) {
            endpoints(i, stays, comesAndGoes);
        }
        IpAddress used = IpAddress.parse(address(0));
        try (NetworkNamespace pod = NetworkNamespace.open(client.namespace().path())) {
            Await.until(LIMIT, node::logTail, () -> isServed(pod, used));
            try (ServiceLoad load = ServiceLoad.start(pod, used, PORT, CONNECTIONS)) {
                Thread connecting = Thread.startVirtualThread(() -> connect(pod, used));
                change(stays, comesAndGoes);
                ended.set(true);
                connecting.join();

                assertThat(failed)
                        .as("new connections that failed, beside " + made)
                        .hasValue(0);
                assertThat(made).hasPositiveValue();
                assertThat(load.living()).isEqualTo(CONNECTIONS);

                endpoints(0, stays);
                Await.until(LIMIT, node::logTail, () -> avoids(pod, used, comesAndGoes));
                assertThat(load.living()).isEqualTo(CONNECTIONS);
            }
        }
    }

    private void change(ClusterPod stays, ClusterPod comesAndGoes) {
        int changes = PER_MINUTE * SECONDS / 60;
        boolean[] hasGone = new boolean[COUNT];
        long start = System.nanoTime();
        for (int i = 0; i < changes; i++) {
            int service = i % OF_THE_USED == 0 ? 0 : 1 + i % (COUNT - 1);
            hasGone[service] ^= true;
            endpoints(service, hasGone[service] ? new ClusterPod[] {stays} : new ClusterPod[] {stays, comesAndGoes});
            long due = start + (i + 1) * 60_000_000_000L / PER_MINUTE;
            LockSupport.parkNanos(due - System.nanoTime());
        }
    }

    private void connect(NetworkNamespace from, IpAddress address) {
        while (!ended.get()) {
            (isServed(from, address) ? made : failed).incrementAndGet();
            // Each leaves a port that can't be used again for a minute, of which there are 28,000.
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private static boolean isServed(NetworkNamespace from, IpAddress address) {
        try (Socket socket = from.call(() -> ServiceLoad.connect(address, PORT))) {
            return ServiceLoad.isEchoed(socket);
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    /** Whether none of many new connections reaches this endpoint. */
    private static boolean avoids(NetworkNamespace from, IpAddress address, ClusterPod endpoint) {
        long before = ServiceLoad.connectionsTo(endpoint);
        for (int i = 0; i < CONNECTIONS; i++) {
            try (Socket socket = from.call(() -> ServiceLoad.connect(address, PORT))) {
                if (!ServiceLoad.isEchoed(socket) || ServiceLoad.connectionsTo(endpoint) > before) {
                    return false;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return true;
    }
}
