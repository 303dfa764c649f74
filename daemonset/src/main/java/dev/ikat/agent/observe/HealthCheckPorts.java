package dev.ikat.agent.observe;

import dev.ikat.services.compiler.HealthCheck;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the health checks by which a load balancer learns on which nodes a service with {@code externalTrafficPolicy:
 * Local} has endpoints ({@code spec.healthCheckNodePort}): 200 where it has some here, 503 where it has none, or where
 * services are not in force, with the number in a JSON object. Thread-safe.
 */
public final class HealthCheckPorts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HealthCheckPorts.class);

    private final BooleanSupplier healthy;
    private final Map<Integer, Port> ports = new HashMap<>();
    private final Map<Integer, String> failures = new HashMap<>();

    /** @param healthy whether services are in force here; without them no load balancer should send any connection */
    public HealthCheckPorts(BooleanSupplier healthy) {
        this.healthy = healthy;
    }

    private final class Port implements AutoCloseable {
        private final HttpPort http;
        private volatile HealthCheck check;

        Port(HealthCheck check) throws IOException {
            this.check = check;
            this.http = new HttpPort(check.port(), Map.of("/", this::answer));
        }

        private HttpPort.Answer answer() {
            HealthCheck now = check;
            boolean proxies = healthy.getAsBoolean();
            return new HttpPort.Answer(
                    proxies && now.localEndpoints() > 0,
                    """
                    {"service":{"namespace":"%s","name":"%s"},"localEndpoints":%d,"serviceProxyHealthy":%b}
                    """.formatted(now.namespace(), now.service(), now.localEndpoints(), proxies),
                    Map.of("X-Load-Balancing-Endpoint-Weight", Integer.toString(now.localEndpoints())));
        }

        @Override
        public void close() {
            http.close();
        }
    }

    /** Answers these checks from now on, and no others; where it can't listen, the next call tries again. */
    public synchronized void serve(List<HealthCheck> checks) {
        Set<Integer> wanted = new HashSet<>();
        checks.forEach(check -> wanted.add(check.port()));
        List.copyOf(ports.keySet()).stream()
                .filter(port -> !wanted.contains(port))
                .forEach(this::end);
        failures.keySet().retainAll(wanted);
        for (HealthCheck check : checks) {
            Port port = ports.get(check.port());
            if (port != null) {
                port.check = check;
                continue;
            }
            try {
                ports.put(check.port(), new Port(check));
                failures.remove(check.port());
            } catch (IOException e) {
                failed(check, e);
            }
        }
    }

    private void failed(HealthCheck check, IOException reason) {
        String text = "health checks of " + check.namespace() + "/" + check.service() + " at port " + check.port()
                + " are not answered: " + reason.getMessage();
        if (!text.equals(failures.put(check.port(), text))) {
            LOG.atWarn().addKeyValue("error", text).log("health-check-port-failed");
        }
    }

    private void end(int port) {
        Port ended = ports.remove(port);
        if (ended != null) {
            ended.close();
        }
    }

    /** At which ports it can't listen, and why, a sentence each. */
    public synchronized List<String> failures() {
        return new ArrayList<>(failures.values());
    }

    @Override
    public synchronized void close() {
        ports.values().forEach(Port::close);
        ports.clear();
    }
}
