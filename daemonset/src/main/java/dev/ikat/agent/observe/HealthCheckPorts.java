package dev.ikat.agent.observe;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpServer;
import dev.ikat.services.compiler.HealthCheck;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the health checks by which a load balancer learns on which nodes a service with {@code externalTrafficPolicy:
 * Local} has endpoints ({@code spec.healthCheckNodePort}): 200 where it has some here, 503 where it has none, with the
 * number in a JSON object. It listens at all addresses of the node, since a load balancer may ask at any. Thread-safe.
 */
public final class HealthCheckPorts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HealthCheckPorts.class);
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final int MAX_EXCHANGES = 32;
    private static final int BACKLOG = 64;

    private final Map<Integer, Port> ports = new HashMap<>();
    private final Map<Integer, String> failures = new HashMap<>();

    private static final class Port implements AutoCloseable {
        private final HttpServer server;
        private final HttpExchanges exchanges = new HttpExchanges(MAX_EXCHANGES, LIMIT);
        private volatile HealthCheck check;

        Port(HealthCheck check) throws IOException {
            this.check = check;
            // The unspecified address of IPv6 takes IPv4 as well, where the kernel has IPv6.
            this.server = HttpServer.create(new InetSocketAddress((InetAddress) null, check.port()), BACKLOG);
            server.setExecutor(exchanges);
            server.createContext("/", exchange -> {
                try (exchange) {
                    HealthCheck now = this.check;
                    byte[] body = """
                            {"service":{"namespace":"%s","name":"%s"},"localEndpoints":%d,"serviceProxyHealthy":true}
                            """.formatted(now.namespace(), now.service(), now.localEndpoints())
                            .getBytes(UTF_8);
                    exchange.getResponseHeaders().set("Content-Type", "application/json");
                    exchange.getResponseHeaders()
                            .set("X-Load-Balancing-Endpoint-Weight", Integer.toString(now.localEndpoints()));
                    exchange.sendResponseHeaders(now.localEndpoints() > 0 ? 200 : 503, body.length);
                    try (OutputStream out = exchange.getResponseBody()) {
                        out.write(body);
                    }
                }
            });
            server.start();
        }

        @Override
        public void close() {
            server.stop(0);
            exchanges.close();
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
