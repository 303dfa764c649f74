package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code /metrics} for Prometheus, {@code /healthz} (the process answers) and {@code /readyz} (pods can be given a
 * working network; otherwise 503 and a line for each reason). Whoever can connect may read, so it listens on loopback
 * unless told otherwise.
 */
final class HealthEndpoint implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HealthEndpoint.class);
    private static final String TEXT = "text/plain; charset=utf-8";

    private final HttpServer server;
    private final ExecutorService threads;

    private interface Page {
        void answer(HttpExchange exchange) throws IOException;
    }

    private HealthEndpoint(HttpServer server, ExecutorService threads) {
        this.server = server;
        this.threads = threads;
    }

    /**
     * Listens and answers from then on.
     *
     * @throws UncheckedIOException if the address can't be listened on
     */
    static HealthEndpoint start(InetSocketAddress address, Metrics metrics, Readiness readiness) {
        HttpServer server;
        try {
            server = HttpServer.create(address, 16);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "can't listen on " + address + " for metrics and health: " + e.getMessage()
                            + "; give another --listen, or 0 to go without",
                    e);
        }
        ExecutorService threads = Executors.newFixedThreadPool(
                2, Thread.ofPlatform().daemon().name("http-", 0).factory());
        server.setExecutor(threads);
        page(server, "/healthz", exchange -> send(exchange, 200, TEXT, "ok\n".getBytes(UTF_8)));
        page(server, "/readyz", exchange -> {
            var reasons = readiness.reasons();
            String text = reasons.isEmpty() ? "ready\n" : String.join("\n", reasons) + "\n";
            send(exchange, reasons.isEmpty() ? 200 : 503, TEXT, text.getBytes(UTF_8));
        });
        page(server, "/metrics", exchange -> {
            ByteArrayOutputStream body = new ByteArrayOutputStream(8192);
            metrics.write(body);
            send(exchange, 200, metrics.contentType(), body.toByteArray());
        });
        server.start();
        return new HealthEndpoint(server, threads);
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
                LOG.warn("event=page-failed path={} error=\"{}\"", path, e.toString());
                throw e;
            }
        });
    }

    private static void send(HttpExchange exchange, int status, String contentType, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", contentType);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    /** The port that it listens on. */
    int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
