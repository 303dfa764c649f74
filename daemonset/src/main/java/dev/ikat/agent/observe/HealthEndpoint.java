package dev.ikat.agent.observe;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.ikat.agent.log.Printable;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code /metrics} for Prometheus, {@code /healthz} (the process answers) and {@code /readyz} (pods can be given a
 * working network; otherwise 503 and a line for each reason). Anybody who can connect may read, so it listens on
 * loopback unless configured otherwise. No client can keep others from reading, however slowly it sends and reads, and
 * however many connections it opens (docs/decisions/health-endpoint.md). Each address has limits of its own, so that
 * whoever reaches the node's address does not use up those of its loopback. Thread-safe.
 */
public final class HealthEndpoint implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HealthEndpoint.class);
    /** Whoever asks for one of these pages sends, and takes, what there is to it at once. */
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private static final int MAX_EXCHANGES = 256;
    private static final int BACKLOG = 512;

    static {
        // The server reads them when its class is loaded. Connections on which nothing was sent yet are not exchanges.
        limit("jdk.httpserver.maxConnections", 8192);
        limit("sun.net.httpserver.idleInterval", LIMIT.toSeconds());
        limit("sun.net.httpserver.clockTick", 1000);
        limit("sun.net.httpserver.maxIdleConnections", 16);
        limit("sun.net.httpserver.drainAmount", 0);
        limit("sun.net.httpserver.maxReqHeaders", 64);
        limit("sun.net.httpserver.maxReqHeaderSize", 16 << 10);
    }

    private static final String TEXT = "text/plain; charset=utf-8";

    private final MetricsPage metrics;
    private final Supplier<List<String>> unready;
    private final Duration limit;
    private final MetricsText text;
    private final Listener first;
    /** At the addresses that came later. */
    private final Map<InetSocketAddress, Listener> more = new HashMap<>();

    private boolean closed;

    private record Listener(HttpServer server, HttpExchanges exchanges) implements AutoCloseable {
        @Override
        public void close() {
            server.stop(0);
            exchanges.close();
        }
    }

    private interface Page {
        void answer(HttpExchange exchange) throws IOException;
    }

    /**
     * Collected by one at a time; who asked before it was begun with gets the same, so that many cost no more than two.
     */
    private static final class MetricsText {
        private final MetricsPage metrics;
        private byte[] text = new byte[0];
        private long begun = System.nanoTime();

        MetricsText(MetricsPage metrics) {
            this.metrics = metrics;
        }

        byte[] now() throws IOException {
            long asked = System.nanoTime();
            synchronized (this) {
                if (begun - asked <= 0) {
                    begun = System.nanoTime();
                    ByteArrayOutputStream body = new ByteArrayOutputStream(Math.max(8192, text.length));
                    metrics.write(body);
                    text = body.toByteArray();
                }
                return text;
            }
        }
    }

    HealthEndpoint(InetSocketAddress address, MetricsPage metrics, Supplier<List<String>> unready, Duration limit) {
        this.metrics = metrics;
        this.unready = unready;
        this.limit = limit;
        this.text = new MetricsText(metrics);
        this.first = listen(address);
    }

    private static void limit(String property, long value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, Long.toString(value));
        }
    }

    /**
     * Listens and answers from now on.
     *
     * @param unready the reasons not to be ready, a line each; none if it is
     * @throws UncheckedIOException if it can't listen on the address
     */
    public static HealthEndpoint start(InetSocketAddress address, MetricsPage metrics, Supplier<List<String>> unready) {
        return new HealthEndpoint(address, metrics, unready, LIMIT);
    }

    private Listener listen(InetSocketAddress address) {
        HttpServer server;
        try {
            server = HttpServer.create(address, BACKLOG);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "can't listen on " + address + " for metrics and health: " + e.getMessage() + "; choose another "
                            + "--listen, or 0 to serve them nowhere",
                    e);
        }
        HttpExchanges exchanges = new HttpExchanges(MAX_EXCHANGES, limit);
        server.setExecutor(exchanges);
        page(server, "/healthz", exchange -> send(exchange, 200, TEXT, "ok\n".getBytes(UTF_8)));
        page(server, "/readyz", exchange -> {
            var reasons = unready.get().stream().map(Printable::line).toList();
            String body = reasons.isEmpty() ? "ready\n" : String.join("\n", reasons) + "\n";
            send(exchange, reasons.isEmpty() ? 200 : 503, TEXT, body.getBytes(UTF_8));
        });
        page(server, "/metrics", exchange -> send(exchange, 200, metrics.contentType(), exchanges.prepare(text::now)));
        server.start();
        return new Listener(server, exchanges);
    }

    private static void page(HttpServer server, String path, Page page) {
        server.createContext(path, exchange -> {
            try (exchange) {
                if (!exchange.getRequestURI().getPath().equals(path)) {
                    send(exchange, 404, TEXT, "there are /healthz, /readyz and /metrics\n".getBytes(UTF_8));
                } else if (!exchange.getRequestMethod().equals("GET")) {
                    exchange.getResponseHeaders().set("Allow", "GET");
                    send(exchange, 405, TEXT, "only GET\n".getBytes(UTF_8));
                } else {
                    page.answer(exchange);
                }
            } catch (RuntimeException e) {
                LOG.atWarn()
                        .addKeyValue("path", path)
                        .addKeyValue("error", e.toString())
                        .log("page-failed");
                throw e;
            }
        });
    }

    private static void send(HttpExchange exchange, int status, String contentType, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", contentType);
        exchange.sendResponseHeaders(status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    /**
     * Listens at these addresses too, and no longer at others that an earlier call has named.
     *
     * @return why it can't listen at some of them, by address; the next call tries again
     */
    synchronized Map<InetSocketAddress, String> alsoAt(Set<InetSocketAddress> addresses) {
        Map<InetSocketAddress, String> failures = new LinkedHashMap<>();
        if (closed) {
            return failures;
        }
        more.keySet().stream()
                .filter(address -> !addresses.contains(address))
                .toList()
                .forEach(this::end);
        for (InetSocketAddress address : addresses) {
            try {
                more.computeIfAbsent(address, this::listen);
            } catch (UncheckedIOException e) {
                failures.put(address, String.valueOf(e.getMessage()));
            }
        }
        return failures;
    }

    private void end(InetSocketAddress address) {
        Listener listener = more.remove(address);
        if (listener != null) {
            listener.close();
        }
    }

    /** The port that it listens on from the start. */
    int port() {
        return first.server().getAddress().getPort();
    }

    @Override
    public synchronized void close() {
        closed = true;
        first.close();
        more.values().forEach(Listener::close);
    }
}
