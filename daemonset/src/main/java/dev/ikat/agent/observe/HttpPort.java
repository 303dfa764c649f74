package dev.ikat.agent.observe;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A port at all addresses of the node at which load balancers ask, since one may ask at any. What they are told costs
 * nothing, and has no secrets in it. Thread-safe.
 */
final class HttpPort implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final int MAX_EXCHANGES = 32;
    private static final int BACKLOG = 64;

    private final HttpServer server;
    private final HttpExchanges exchanges = new HttpExchanges(MAX_EXCHANGES, LIMIT);

    /**
     * An answer.
     *
     * @param healthy whether the load balancer should send connections here: 200, and otherwise 503
     * @param json the body
     * @param headers beside Content-Type
     */
    record Answer(boolean healthy, String json, Map<String, String> headers) {
        Answer(boolean healthy, String json) {
            this(healthy, json, Map.of());
        }
    }

    /**
     * Listens and answers from now on.
     *
     * @param pages what is answered, by path; {@code /} stands for all paths
     * @throws IOException if it can't listen
     */
    HttpPort(int port, Map<String, Supplier<Answer>> pages) throws IOException {
        // The unspecified address of IPv6 takes IPv4 as well, where the kernel has IPv6.
        server = HttpServer.create(new InetSocketAddress((InetAddress) null, port), BACKLOG);
        server.setExecutor(exchanges);
        pages.forEach((path, page) -> server.createContext(path, exchange -> {
            try (exchange) {
                String asked = exchange.getRequestURI().getPath();
                if (path.equals("/") || path.equals(asked)) {
                    answer(exchange, page.get());
                } else {
                    exchange.sendResponseHeaders(404, -1);
                }
            }
        }));
        server.start();
    }

    private static void answer(HttpExchange exchange, Answer answer) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        answer.headers().forEach(exchange.getResponseHeaders()::set);
        int status = answer.healthy() ? 200 : 503;
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        byte[] body = answer.json().getBytes(UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        exchanges.close();
    }
}
