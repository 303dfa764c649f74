package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ikat.model.IpAddress;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import io.fabric8.kubernetes.client.utils.BackwardsCompatibilityInterceptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests to the Kubernetes API, with the credentials, certificates and token renewal of the fabric8 client, and
 * answers as streams: nothing is ever read into memory whole. Thread-safe.
 */
final class ApiConnection implements AutoCloseable {
    static final JsonFactory JSON = new JsonFactory();

    private static final Logger LOG = LoggerFactory.getLogger(ApiConnection.class);

    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration HEADERS_LIMIT = Duration.ofSeconds(30);
    private static final int ERROR_LIMIT = 65_536;
    /** Would log every request with the token that it bears, where TRACE is logged. */
    private static final String LOGGING_INTERCEPTOR = "HttpLogging";

    private static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

    private final Credentials credentials;
    private Session session;
    /** Those that answers still come by, perhaps. */
    private final List<EndableClientFactory> retired = new ArrayList<>();

    private Map<Path, ByteBuffer> refused = Map.of();
    private Optional<String> fault = Optional.empty();
    private volatile Runnable handshakeFailed = () -> {};

    /**
     * Connections by what the files said at one time.
     *
     * @param files what they said
     */
    private record Session(
            HttpClient client, EndableClientFactory factory, Config config, Map<Path, ByteBuffer> files) {
        /** Where the API is, without a slash at the end. */
        String master() {
            String url = config.getMasterUrl();
            return url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        }
    }

    private ApiConnection(Credentials credentials) {
        this.credentials = credentials;
        this.session = session(credentials.read());
    }

    private Session session(Config config) {
        Map<Path, ByteBuffer> files;
        try {
            // Before they are used: what is replaced from now on is seen as a change.
            files = Credentials.contents(credentials.files(config));
        } catch (IOException e) {
            throw new ClusterSourceException(
                    "can't read a certificate, key or kubeconfig for the API: " + e
                            + "; give the agent permission to read it",
                    e);
        }
        config.setConnectionTimeout((int) CONNECT_LIMIT.toMillis());
        // Whoever asks knows better when to ask again.
        config.setRequestRetryBackoffLimit(0);
        config.setUserAgent("ikat-agent");
        EndableClientFactory factory = new EndableClientFactory();
        // A connection for each watch: one that is stuck does not stop the others.
        HttpClient.Builder builder = factory.newBuilder(config).preferHttp11();
        removeInterceptor(builder, BackwardsCompatibilityInterceptor.NAME);
        removeInterceptor(builder, LOGGING_INTERCEPTOR);
        return new Session(builder.build(), factory, config, files);
    }

    /**
     * Reads certificates, keys and kubeconfig anew where they were replaced; to be called every second or so. Answers
     * under way are not broken off. While what is there now can't be used, what was there before is.
     */
    void followFiles() {
        Session before = session();
        try {
            Map<Path, ByteBuffer> now = Credentials.contents(credentials.files(before.config()));
            synchronized (this) {
                if (now.equals(before.files())) {
                    refused = Map.of();
                    fault = Optional.empty();
                    return;
                }
                if (now.equals(refused)) {
                    return;
                }
                refused = now;
            }
            replace(session(credentials.readReplaced()));
            LOG.atInfo().addKeyValue("files", now.keySet()).log("api-credentials-read");
        } catch (IOException | RuntimeException e) {
            String reason = "certificates, keys or kubeconfig for the API were replaced by unusable ones ("
                    + e.getMessage() + "); the former ones stay in use: correct " + credentials.files(before.config());
            synchronized (this) {
                if (!fault.equals(Optional.of(reason))) {
                    LOG.atWarn().addKeyValue("reason", reason).log("api-credentials-unusable");
                }
                fault = Optional.of(reason);
            }
        }
    }

    private synchronized void replace(Session next) {
        session.factory().retire();
        retired.add(session.factory());
        session = next;
        refused = Map.of();
        fault = Optional.empty();
    }

    private synchronized Session session() {
        return session;
    }

    /** Why what is in the files now is not used; empty where it is. */
    synchronized Optional<String> fault() {
        return fault;
    }

    /** Tells of each request for which no trust could be established. */
    void onHandshakeFailure(Runnable heard) {
        handshakeFailed = heard;
    }

    @SuppressWarnings("NullAway") // null is how the client spells removal
    private static void removeInterceptor(HttpClient.Builder builder, String name) {
        builder.addOrReplaceInterceptor(name, null);
    }

    /**
     * Prepares to ask; nothing is sent yet.
     *
     * @throws ClusterSourceException if it is not known where the API is, or how to ask it
     */
    static ApiConnection open(ApiAddress address) {
        return new ApiConnection(
                switch (address) {
                    case ApiAddress.Kubeconfig(Path file) -> new Credentials.Kubeconfig(file);
                    case ApiAddress.InCluster() -> new Credentials.Account(ACCOUNT, inClusterUrl());
                });
    }

    /** Asks the server at the URL as the service account may whose token and certificate are in the directory. */
    static ApiConnection ofAccount(Path directory, String url) {
        return new ApiConnection(new Credentials.Account(directory, url));
    }

    private static String inClusterUrl() {
        String host = System.getenv("KUBERNETES_SERVICE_HOST");
        String port =
                Optional.ofNullable(System.getenv("KUBERNETES_SERVICE_PORT")).orElse("443");
        if (host == null || host.isBlank()) {
            throw new ClusterSourceException(
                    "the environment variable KUBERNETES_SERVICE_HOST is not set, so this is not a pod of a "
                            + "cluster; set it and KUBERNETES_SERVICE_PORT to the API server's address, or use a "
                            + "kubeconfig",
                    null);
        }
        return "https://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    /** Where the API is, as in {@code https://192.0.2.1:6443}. */
    String master() {
        return session().master();
    }

    /** The address in that, if it is one and no name. */
    Optional<IpAddress> address() {
        String host = URI.create(master()).getHost();
        try {
            return Optional.ofNullable(host).map(text -> IpAddress.parse(text.replaceAll("[\\[\\]]", "")));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /**
     * Asks, and gives the answer's body when its head has come.
     *
     * @param path with its query, as in {@code /api/v1/pods?watch=1}
     * @throws ApiException if there is no answer, or it is a refusal
     */
    InputStream get(String path) throws InterruptedException {
        return send("GET " + path, path, HttpRequest.Builder::forStreaming);
    }

    /**
     * Changes an object by a strategic merge patch.
     *
     * @throws ApiException if there is no answer, or it is a refusal
     */
    void patch(String path, String body) throws InterruptedException {
        send("PATCH", path, "application/strategic-merge-patch+json", body);
    }

    /**
     * Changes an object by a merge patch (RFC 7396); lists in it replace the object's. If it has a resource version,
     * and the object has another one, that is refused as a conflict.
     *
     * @throws ApiException if there is no answer, or it is a refusal
     */
    void merge(String path, String body) throws InterruptedException {
        send("PATCH", path, "application/merge-patch+json", body);
    }

    /**
     * Creates an object in the list of this path.
     *
     * @throws ApiException if there is no answer, or it is a refusal
     */
    void create(String path, String body) throws InterruptedException {
        send("POST", path, "application/json", body);
    }

    /**
     * Replaces an object, if it has the resource version that the body says.
     *
     * @throws ApiException if there is no answer, or it is a refusal
     */
    void replace(String path, String body) throws InterruptedException {
        send("PUT", path, "application/json", body);
    }

    private void send(String method, String path, String type, String body) throws InterruptedException {
        String what = method + " " + path;
        try (InputStream answer = send(what, path, request -> request.method(method, type, body))) {
            // A connection whose answer was read to its end can be used again.
            answer.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new ApiException("can't read the answer to " + what + ": " + e, e);
        }
    }

    private synchronized CompletableFuture<HttpResponse<InputStream>> ask(
            String path, UnaryOperator<HttpRequest.Builder> how) {
        HttpRequest.Builder request = session.client()
                .newHttpRequestBuilder()
                .uri(session.master() + path)
                .header("Accept", "application/json");
        return session.client().sendAsync(how.apply(request).build(), InputStream.class);
    }

    private InputStream send(String what, String path, UnaryOperator<HttpRequest.Builder> how)
            throws InterruptedException {
        String master = master();
        CompletableFuture<HttpResponse<InputStream>> answer = ask(path, how);
        HttpResponse<InputStream> response;
        try {
            response = answer.get(HEADERS_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new ApiException(what + " to " + master + " failed: " + reason(cause), cause);
        } catch (TimeoutException e) {
            CompletableFuture<?> _ = answer.thenAccept(ApiConnection::closeLate);
            throw new ApiException(
                    what + " to " + master + " was not answered for " + HEADERS_LIMIT.toSeconds() + " s", e);
        }
        if (response.isSuccessful()) {
            return response.body();
        }
        throw new ApiException(
                response.code(), what + " to " + master + " was refused: " + response.code() + " " + refusal(response));
    }

    private String reason(Throwable cause) {
        for (Throwable each = cause; each != null; each = each.getCause()) {
            if (each instanceof SSLException) {
                handshakeFailed.run();
                return "the TLS handshake failed: " + each.getMessage()
                        + "; the server's certificate has to be signed by " + trust()
                        + ", and the server has to accept the agent's own";
            }
        }
        // A refused connection has no message of its own in the JDK's client.
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.toString();
    }

    private String trust() {
        Config config = session().config();
        return Credentials.authority(config)
                .map(file -> "an authority in " + file)
                .orElse(
                        config.getCaCertData() == null
                                ? "an authority that this host trusts"
                                : "the authority in the kubeconfig " + credentials.files());
    }

    private static void closeLate(HttpResponse<InputStream> late) {
        try {
            late.body().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the server says about it: the message of a Status, or the text. */
    private static String refusal(HttpResponse<InputStream> response) {
        try (InputStream body = response.body()) {
            byte[] bytes = body.readNBytes(ERROR_LIMIT);
            String text = new String(bytes, StandardCharsets.UTF_8).strip();
            return text.startsWith("{") ? statusMessage(text) : text;
        } catch (IOException e) {
            return "(" + e + ")";
        }
    }

    private static String statusMessage(String text) {
        try (JsonParser json = JSON.createParser(text)) {
            json.nextToken();
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                if (json.nextToken() == JsonToken.VALUE_STRING && name.equals("message")) {
                    return json.getText();
                }
                json.skipChildren();
            }
            return text;
        } catch (IOException e) {
            return text;
        }
    }

    @Override
    public synchronized void close() {
        retired.forEach(EndableClientFactory::end);
        session.client().close();
    }
}
