package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
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
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * As much of a Kubernetes API server as a reader of it can tell apart: lists, in pages where it is asked to, watches
 * from a version on with bookmarks, versions that it has forgotten, connections that break, refusals, resources that
 * are not installed, and patches; and what it takes to apply manifests: objects are created, read, and replaced.
 * Objects are JSON texts, which get their resource version here.
 */
public final class ApiTestServer implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Pattern METADATA = Pattern.compile("\"metadata\"\\s*:\\s*\\{");

    private final HttpServer server;
    private final Map<String, Map<String, String>> objects = new TreeMap<>();
    private final List<Event> history = new ArrayList<>();
    private final List<Watch> watches = new CopyOnWriteArrayList<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final List<String> patches = new CopyOnWriteArrayList<>();
    private final List<Refusal> refusals = new CopyOnWriteArrayList<>();
    private final Set<String> uninstalled = ConcurrentHashMap.newKeySet();
    private long version = 1000;
    private long forgotten = 1000;
    private volatile String token = "";
    private volatile Consumer<JsonNode> validation = _ -> {};
    private volatile int pageSize = Integer.MAX_VALUE;

    private record Event(long version, String path, String type, String object) {
        String line() {
            return "{\"type\":\"" + type + "\",\"object\":" + object + "}\n";
        }
    }

    private record Watch(String path, long since, BlockingQueue<String> lines) {}

    /** What the server knew at one time. */
    public record Backup(Map<String, Map<String, String>> objects, long version) {}

    /** Refuses so many more requests that have this text in them. */
    private record Refusal(String text, int status, AtomicInteger left) {}

    private static final Pattern NAMESPACED = Pattern.compile("(/apis?/.+)/namespaces/([^/]+)/([^/]+)/([^/]+)");
    private static final String END = "";
    private static final String TORN_EVENT = "{\"type\":\"ADDED\",\"object\":{\"metadata\":";

    private ApiTestServer(HttpServer server) {
        this.server = server;
    }

    /** Listens on a port of the loopback interface; 0 for any. */
    public static ApiTestServer start(int port) {
        try {
            return serve(HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 64));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same with TLS. */
    static ApiTestServer startTls(int port, HttpsConfigurator tls) {
        try {
            HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 64);
            server.setHttpsConfigurator(tls);
            return serve(server);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ApiTestServer serve(HttpServer server) {
        ApiTestServer api = new ApiTestServer(server);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try (exchange) {
                api.answer(exchange);
            }
        });
        server.start();
        return api;
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

    /** Answers the next requests that have this text in their path or query with an HTTP status. */
    public void refuse(String text, int status, int times) {
        refusals.add(new Refusal(text, status, new AtomicInteger(times)));
    }

    /**
     * Has no such resource from now on, as after its CustomResourceDefinition was deleted: its objects are gone, which
     * no watch hears of, every watch of it ends, and each request for it is answered with 404.
     *
     * @param path of the resource's list, as in {@code /apis/example.com/v1/widgets}
     */
    public synchronized void uninstall(String path) {
        uninstalled.add(path);
        objects.remove(path);
        history.removeIf(event -> event.path().equals(path));
        for (Watch watch : watches) {
            if (watch.path().equals(path)) {
                watch.lines().add(END);
            }
        }
    }

    /** Has this list, which may be empty: without it, the path of an object in it is taken for a list's. */
    public synchronized void has(String path) {
        objects.putIfAbsent(path, new LinkedHashMap<>());
    }

    /** Has the resource from now on, and no objects of it. */
    public synchronized void install(String path) {
        uninstalled.remove(path);
    }

    private boolean isUninstalled(String path) {
        return uninstalled.stream().anyMatch(each -> path.equals(each) || path.startsWith(each + "/"));
    }

    /** All objects, as they were sent or put here, without the resource version that they got. */
    public synchronized List<JsonNode> objects() {
        List<JsonNode> all = new ArrayList<>();
        for (Map<String, String> collection : objects.values()) {
            for (String text : collection.values()) {
                try {
                    ObjectNode object = (ObjectNode) MAPPER.readTree(text);
                    ((ObjectNode) object.path("metadata")).remove("resourceVersion");
                    all.add(object);
                } catch (JsonProcessingException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        return all;
    }

    /** Refuses objects that are sent here and for which this throws an IllegalArgumentException. */
    public void validate(Consumer<JsonNode> newValidation) {
        validation = newValidation;
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
        Matcher matcher = METADATA.matcher(json);
        store(path, name, matcher.replaceFirst("\"metadata\":{\"resourceVersion\":\"" + (version + 1) + "\","));
    }

    private void store(String path, String name, String text) {
        version++;
        String before =
                objects.computeIfAbsent(path, _ -> new LinkedHashMap<>()).put(name, text);
        tell(new Event(version, path, before == null ? "ADDED" : "MODIFIED", text));
    }

    private synchronized Optional<String> find(String path) {
        int slash = path.lastIndexOf('/');
        return Optional.ofNullable(
                objects.getOrDefault(path.substring(0, slash), Map.of()).get(path.substring(slash + 1)));
    }

    /** Whether the path would be an object's, and not a list's. */
    private synchronized boolean isOfAnObject(String path) {
        return objects.containsKey(path.substring(0, path.lastIndexOf('/')));
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
            if (watch.path().equals(event.path()) && watch.since() < event.version()) {
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

    /** Keeps what it knows now. */
    public synchronized Backup backup() {
        Map<String, Map<String, String>> copy = new TreeMap<>();
        objects.forEach((path, named) -> copy.put(path, new LinkedHashMap<>(named)));
        return new Backup(copy, version);
    }

    /** Knows that and no more; no watch hears of it, and one from a later version on hears of nothing. */
    public synchronized void restore(Backup backup) {
        objects.clear();
        backup.objects().forEach((path, named) -> objects.put(path, new LinkedHashMap<>(named)));
        history.removeIf(event -> event.version() > backup.version());
        version = backup.version();
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

    /** Ends every watch in the midst of an event, as a connection that breaks does. */
    public void breakWatches() {
        watches.forEach(watch -> watch.lines().addAll(List.of(TORN_EVENT, END)));
    }

    /** With which status a request is refused that is to be; 0 for none. */
    private int refusal(String request) {
        for (Refusal refusal : refusals) {
            if (request.contains(refusal.text()) && refusal.left().getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                return refusal.status();
            }
        }
        return 0;
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        Map<String, String> query = query(exchange.getRequestURI().getRawQuery());
        requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
        String given = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
        if (!token.isEmpty() && !given.equals("Bearer " + token)) {
            send(exchange, 401, "{\"kind\":\"Status\",\"code\":401,\"message\":\"Unauthorized\"}");
            return;
        }
        int refused = refusal(exchange.getRequestURI().toString());
        if (refused != 0) {
            send(
                    exchange,
                    refused,
                    "{\"kind\":\"Status\",\"code\":" + refused + ",\"message\":\"refused by the test\"}");
        } else if (isUninstalled(path)) {
            // Not a Status: the server knows nobody who could make one.
            send(exchange, 404, "404 page not found\n");
        } else if (exchange.getRequestMethod().equals("PATCH")) {
            String patch = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            patches.add(patch);
            if (String.valueOf(exchange.getRequestHeaders().getFirst("Content-Type"))
                    .startsWith("application/merge-patch+json")) {
                merge(exchange, path, patch);
            } else {
                send(exchange, 200, "{}");
            }
        } else if (exchange.getRequestMethod().equals("POST")
                || exchange.getRequestMethod().equals("PUT")) {
            write(exchange, path);
        } else if (isOfAnObject(path)) {
            Optional<String> object = find(path);
            send(exchange, object.isPresent() ? 200 : 404, object.orElseGet(() -> failure(404, "not found")));
        } else if (query.containsKey("watch")) {
            watch(exchange, path, Long.parseLong(query.getOrDefault("resourceVersion", "0")));
        } else {
            list(exchange, path, query);
        }
    }

    /** Changes an object, or its status, by a merge patch, if it has the version that the patch has. */
    private synchronized void merge(HttpExchange exchange, String path, String patch) throws IOException {
        String own = path.replaceFirst("/status$", "");
        Place place = place(own);
        String before = objects.getOrDefault(place.collection(), Map.of()).get(place.name());
        if (before == null) {
            send(exchange, 404, failure(404, own + " not found"));
            return;
        }
        ObjectNode object = (ObjectNode) MAPPER.readTree(before);
        ObjectNode change = (ObjectNode) MAPPER.readTree(patch);
        String wanted = change.path("metadata").path("resourceVersion").asText();
        if (!wanted.isEmpty() && !wanted.equals(resourceVersion(object))) {
            send(exchange, 409, failure(409, "the object has been modified"));
            return;
        }
        apply(object, change);
        ((ObjectNode) object.path("metadata")).put("resourceVersion", Long.toString(version + 1));
        store(place.collection(), place.name(), object.toString());
        send(exchange, 200, object.toString());
    }

    /** Where an object is: under its list's path, by its name or namespace and name. */
    private record Place(String collection, String name) {}

    private Place place(String path) {
        Matcher matcher = NAMESPACED.matcher(path);
        if (!isOfAnObject(path) && matcher.matches()) {
            String collection = matcher.group(1) + "/" + matcher.group(3);
            String whole = matcher.group(2) + "/" + matcher.group(4);
            return new Place(
                    collection,
                    objects.getOrDefault(collection, Map.of()).containsKey(whole) ? whole : matcher.group(4));
        }
        int slash = path.lastIndexOf('/');
        return new Place(path.substring(0, slash), path.substring(slash + 1));
    }

    private static void apply(ObjectNode object, ObjectNode change) {
        change.properties().forEach(field -> {
            JsonNode value = field.getValue();
            if (value.isNull()) {
                object.remove(field.getKey());
            } else if (value instanceof ObjectNode part) {
                apply(object.withObjectProperty(field.getKey()), part);
            } else {
                object.set(field.getKey(), value);
            }
        });
    }

    private static String resourceVersion(JsonNode object) {
        return object.path("metadata").path("resourceVersion").asText();
    }

    /** Creates an object in the collection of the path, or replaces the one of the path. */
    private synchronized void write(HttpExchange exchange, String path) throws IOException {
        boolean creates = exchange.getRequestMethod().equals("POST");
        ObjectNode object;
        try {
            object = (ObjectNode) MAPPER.readTree(exchange.getRequestBody());
            validation.accept(object);
        } catch (JsonProcessingException | IllegalArgumentException e) {
            send(exchange, 400, failure(400, String.valueOf(e.getMessage())));
            return;
        }
        if (!object.path("metadata").has("name")) {
            ((ObjectNode) object.path("metadata"))
                    .put("name", object.path("metadata").path("generateName").asText() + version);
        }
        String name = object.path("metadata").path("name").asText();
        String collection = creates ? path : path.substring(0, path.lastIndexOf('/'));
        String own = collection + "/" + name;
        boolean isThere = find(own).isPresent();
        if (creates == isThere || (!creates && !own.equals(path))) {
            int status = creates ? 409 : isThere ? 400 : 404;
            send(exchange, status, failure(status, exchange.getRequestMethod() + " of " + own));
            return;
        }
        String wanted = resourceVersion(object);
        if (!creates
                && !wanted.isEmpty()
                && !wanted.equals(resourceVersion(MAPPER.readTree(find(own).orElseThrow())))) {
            send(exchange, 409, failure(409, "the object has been modified"));
            return;
        }
        ((ObjectNode) object.path("metadata")).put("resourceVersion", Long.toString(version + 1));
        store(collection, name, object.toString());
        send(exchange, creates ? 201 : 200, object.toString());
    }

    private static String failure(int code, String message) {
        return MAPPER.createObjectNode()
                .put("kind", "Status")
                .put("apiVersion", "v1")
                .put("status", "Failure")
                .put("code", code)
                .put("message", message)
                .toString();
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
            out.write(("{" + listKind(all) + "\"metadata\":{\"resourceVersion\":\"" + now + "\",\"continue\":\"" + next
                            + "\"},\"items\":[")
                    .getBytes(StandardCharsets.UTF_8));
            for (int i = from; i < to; i++) {
                out.write(((i == from ? "" : ",") + all.get(i)).getBytes(StandardCharsets.UTF_8));
            }
            out.write("]}".getBytes(StandardCharsets.UTF_8));
        }
    }

    /** Of what kind a list of such objects is, if they say of what kind they are themselves: Go's client reads it. */
    private static String listKind(List<String> objects) {
        if (objects.isEmpty()) {
            return "";
        }
        try {
            JsonNode first = MAPPER.readTree(objects.getFirst());
            return first.has("kind")
                    ? "\"kind\":\"%sList\",\"apiVersion\":\"%s\","
                            .formatted(
                                    first.path("kind").asText(),
                                    first.path("apiVersion").asText())
                    : "";
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void watch(HttpExchange exchange, String path, long since) throws IOException {
        Watch watch = new Watch(path, since, new LinkedBlockingQueue<>());
        synchronized (this) {
            if (since < forgotten) {
                watch.lines()
                        .add("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too"
                                + " old\"}}\n");
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
                if (line == null || line.equals(END)) {
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
