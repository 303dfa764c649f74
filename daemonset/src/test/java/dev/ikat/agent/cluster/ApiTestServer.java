package dev.ikat.agent.cluster;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * As much of a Kubernetes API server as a reader of it can tell apart: lists, in pages where it is asked to, watches
 * from a version on with bookmarks, versions that it has forgotten, refused tokens, and patches. Objects are JSON
 * texts, which get their resource version here.
 */
public final class ApiTestServer implements AutoCloseable {
    private static final Pattern METADATA = Pattern.compile("\"metadata\"\\s*:\\s*\\{");

    private final HttpServer server;
    private final Map<String, Map<String, String>> objects = new TreeMap<>();
    private final List<Event> history = new ArrayList<>();
    private final List<Watch> watches = new CopyOnWriteArrayList<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final List<String> patches = new CopyOnWriteArrayList<>();
    private long version = 1000;
    private long forgotten = 1000;
    private volatile String token = "";
    private volatile int pageSize = Integer.MAX_VALUE;

    private record Event(long version, String path, String type, String object) {
        String line() {
            return "{\"type\":\"" + type + "\",\"object\":" + object + "}\n";
        }
    }

    private record Watch(String path, BlockingQueue<String> lines) {}

    private static final String END = "";

    private ApiTestServer(HttpServer server) {
        this.server = server;
    }

    /** Listens on a port of the loopback interface; 0 for any. */
    public static ApiTestServer start(int port) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 64);
            ApiTestServer api = new ApiTestServer(server);
            server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            server.createContext("/", exchange -> {
                try (exchange) {
                    api.answer(exchange);
                }
            });
            server.start();
            return api;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public int port() {
        return server.getAddress().getPort();
    }

    /** Writes a kubeconfig for this server, with the token if one is demanded. */
    public Path kubeconfig(Path file) throws IOException {
        return Files.writeString(
                file, kubeconfig(InetAddress.getLoopbackAddress().getHostAddress(), port(), token));
    }

    /** A kubeconfig for a server of this kind at another address. */
    public static String kubeconfig(String host, int port, String token) {
        return """
                apiVersion: v1
                kind: Config
                current-context: test
                clusters:
                - name: test
                  cluster: {server: "http://%s:%d"}
                contexts:
                - name: test
                  context: {cluster: test, user: test}
                users:
                - name: test
                  user: {token: "%s"}
                """.formatted(host, port, token);
    }

    /** Refuses requests without this bearer token. */
    public void demand(String newToken) {
        token = newToken;
    }

    /** Gives no more objects at once in a list from the store. */
    public void pages(int size) {
        pageSize = size;
    }

    /** The requests so far, each as method, path and query. */
    public List<String> requests() {
        return List.copyOf(requests);
    }

    /** The bodies of patches so far. */
    public List<String> patches() {
        return List.copyOf(patches);
    }

    /** An object is there from now on, or otherwise. */
    public synchronized void put(String path, String name, String json) {
        version++;
        Matcher matcher = METADATA.matcher(json);
        String text = matcher.replaceFirst("\"metadata\":{\"resourceVersion\":\"" + version + "\",");
        String before =
                objects.computeIfAbsent(path, _ -> new LinkedHashMap<>()).put(name, text);
        tell(new Event(version, path, before == null ? "ADDED" : "MODIFIED", text));
    }

    /** An object is gone. */
    public synchronized void remove(String path, String name) {
        String before = objects.getOrDefault(path, Map.of()).get(name);
        if (before == null) {
            throw new IllegalArgumentException("there is no " + path + "/" + name);
        }
        objects.getOrDefault(path, new LinkedHashMap<>()).remove(name);
        version++;
        tell(new Event(
                version,
                path,
                "DELETED",
                before.replaceFirst("\"resourceVersion\":\"[0-9]+\"", "\"resourceVersion\":\"" + version + "\"")));
    }

    private void tell(Event event) {
        history.add(event);
        for (Watch watch : watches) {
            if (watch.path().equals(event.path())) {
                watch.lines().add(event.line());
            }
        }
    }

    /** Forgets all history, and ends every watch with that. */
    public synchronized void forget() {
        version++;
        forgotten = version;
        history.clear();
        for (Watch watch : watches) {
            watch.lines().add("""
                            {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}
                            """);
            watch.lines().add(END);
        }
    }

    /** Sends every watch a bookmark. */
    public synchronized void bookmark() {
        for (Watch watch : watches) {
            watch.lines()
                    .add("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" + version
                            + "\"}}}\n");
        }
    }

    /** Ends every watch as a server does after a while. */
    public void endWatches() {
        watches.forEach(watch -> watch.lines().add(END));
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        Map<String, String> query = query(exchange.getRequestURI().getRawQuery());
        requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
        String given = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
        if (!token.isEmpty() && !given.equals("Bearer " + token)) {
            send(exchange, 401, "{\"kind\":\"Status\",\"code\":401,\"message\":\"Unauthorized\"}");
        } else if (exchange.getRequestMethod().equals("PATCH")) {
            patches.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            send(exchange, 200, "{}");
        } else if (query.containsKey("watch")) {
            watch(exchange, path, Long.parseLong(query.getOrDefault("resourceVersion", "0")));
        } else {
            list(exchange, path, query);
        }
    }

    private static Map<String, String> query(String raw) {
        Map<String, String> query = new TreeMap<>();
        for (String part : raw == null ? new String[0] : raw.split("&", -1)) {
            int equals = part.indexOf('=');
            query.put(
                    equals < 0 ? part : part.substring(0, equals),
                    URLDecoder.decode(part.substring(equals + 1), StandardCharsets.UTF_8));
        }
        return query;
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private void list(HttpExchange exchange, String path, Map<String, String> query) throws IOException {
        List<String> all;
        long now;
        synchronized (this) {
            all = List.copyOf(objects.getOrDefault(path, Map.of()).values());
            now = version;
        }
        int from = Integer.parseInt(query.getOrDefault("continue", "0"));
        int limit = query.containsKey("limit") ? pageSize : Integer.MAX_VALUE;
        int to = (int) Math.min(all.size(), (long) from + limit);
        String next = to < all.size() ? Integer.toString(to) : "";
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, 0);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(("{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" + now
                            + "\",\"continue\":\"" + next + "\"},\"items\":[")
                    .getBytes(StandardCharsets.UTF_8));
            for (int i = from; i < to; i++) {
                out.write(((i == from ? "" : ",") + all.get(i)).getBytes(StandardCharsets.UTF_8));
            }
            out.write("]}".getBytes(StandardCharsets.UTF_8));
        }
    }

    private void watch(HttpExchange exchange, String path, long since) throws IOException {
        Watch watch = new Watch(path, new LinkedBlockingQueue<>());
        synchronized (this) {
            if (since < forgotten) {
                watch.lines()
                        .add(
                                "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}}\n");
                watch.lines().add(END);
            }
            for (Event event : history) {
                if (event.version() > since && event.path().equals(path)) {
                    watch.lines().add(event.line());
                }
            }
            watches.add(watch);
        }
        exchange.sendResponseHeaders(200, 0);
        try (OutputStream out = exchange.getResponseBody()) {
            out.flush();
            while (true) {
                String line = watch.lines().poll(1, TimeUnit.MINUTES);
                if (line == null || line.isEmpty()) {
                    return;
                }
                out.write(line.getBytes(StandardCharsets.UTF_8));
                if (watch.lines().isEmpty()) {
                    out.flush();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            watches.remove(watch);
        }
    }

    @Override
    public void close() {
        endWatches();
        server.stop(0);
    }
}
