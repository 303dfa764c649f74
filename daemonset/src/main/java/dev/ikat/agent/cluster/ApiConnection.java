package dev.ikat.agent.cluster;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.OAuthTokenProvider;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientFactory;
import io.fabric8.kubernetes.client.utils.BackwardsCompatibilityInterceptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Requests to the Kubernetes API, with the credentials, certificates and token renewal of the fabric8 client, and
 * answers as streams: nothing is ever read into memory whole. Thread-safe.
 */
final class ApiConnection implements AutoCloseable {
    static final JsonFactory JSON = new JsonFactory();

    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration HEADERS_LIMIT = Duration.ofSeconds(30);
    private static final int ERROR_LIMIT = 65_536;
    /** Would log every request with the token that it bears, where TRACE is logged. */
    private static final String LOGGING_INTERCEPTOR = "HttpLogging";

    private static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

    private final HttpClient client;
    private final String master;

    private ApiConnection(Config config) {
        config.setConnectionTimeout((int) CONNECT_LIMIT.toMillis());
        // Whoever asks knows better when to ask again.
        config.setRequestRetryBackoffLimit(0);
        config.setUserAgent("ikat-agent");
        String url = config.getMasterUrl();
        this.master = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        // A connection for each watch: one that is stuck does not stop the others.
        HttpClient.Builder builder =
                new JdkHttpClientFactory().newBuilder(config).preferHttp11();
        removeInterceptor(builder, BackwardsCompatibilityInterceptor.NAME);
        removeInterceptor(builder, LOGGING_INTERCEPTOR);
        this.client = builder.build();
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
                    case ApiAddress.Kubeconfig(Path file) -> kubeconfig(file);
                    case ApiAddress.InCluster() -> account(ACCOUNT, inClusterUrl());
                });
    }

    private static Config kubeconfig(Path file) {
        try {
            return Config.fromKubeconfig(file.toFile());
        } catch (RuntimeException e) {
            throw new ClusterSourceException(
                    "the kubeconfig " + file + " can't be used: " + e.getMessage() + "; correct it, or give another",
                    e);
        }
    }

    /** Asks the server at the URL as the service account may whose token and certificate are in the directory. */
    static ApiConnection ofAccount(Path directory, String url) {
        return new ApiConnection(account(directory, url));
    }

    private static String inClusterUrl() {
        String host = System.getenv("KUBERNETES_SERVICE_HOST");
        String port =
                Optional.ofNullable(System.getenv("KUBERNETES_SERVICE_PORT")).orElse("443");
        if (host == null || host.isBlank()) {
            throw new ClusterSourceException(
                    "the KUBERNETES_SERVICE_HOST variable is missing: this is no pod of a cluster; set it and"
                            + " KUBERNETES_SERVICE_PORT to the API server's address, or give a kubeconfig",
                    null);
        }
        return "https://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    private static Config account(Path directory, String url) {
        TokenFile token = new TokenFile(directory.resolve("token"));
        token.getToken();
        return new ConfigBuilder(Config.empty())
                .withAutoConfigure(false)
                .withMasterUrl(url)
                .withCaCertFile(directory.resolve("ca.crt").toString())
                .withOauthTokenProvider(token)
                .build();
    }

    /** Where the API is, as in {@code https://192.0.2.1:6443}. */
    String master() {
        return master;
    }

    /**
     * Asks, and gives the answer's body when its head has come.
     *
     * @param path with its query, as in {@code /api/v1/pods?watch=1}
     * @throws ApiException if there is no answer, or it is a refusal
     */
    InputStream get(String path) throws InterruptedException {
        return send("GET " + path, request(path).forStreaming().build());
    }

    /**
     * Changes an object by a strategic merge patch.
     *
     * @throws ApiException if there is no answer, or it is a refusal
     */
    void patch(String path, String body) throws InterruptedException {
        try (InputStream answer = send(
                "PATCH " + path,
                request(path)
                        .method("PATCH", "application/strategic-merge-patch+json", body)
                        .build())) {
            answer.skipNBytes(0);
        } catch (IOException e) {
            throw new ApiException("the answer to PATCH " + path + " could not be closed: " + e, e);
        }
    }

    private HttpRequest.Builder request(String path) {
        return client.newHttpRequestBuilder().uri(master + path).header("Accept", "application/json");
    }

    private InputStream send(String what, HttpRequest request) throws InterruptedException {
        CompletableFuture<HttpResponse<InputStream>> answer = client.sendAsync(request, InputStream.class);
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

    private static String reason(Throwable cause) {
        // A refused connection has no message of its own in the JDK's client.
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.toString();
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
    public void close() {
        client.close();
    }

    /** A service account's token, which the kubelet replaces before it expires. */
    private static final class TokenFile implements OAuthTokenProvider {
        private final Path file;

        TokenFile(Path file) {
            this.file = file;
        }

        @Override
        public String getToken() {
            try {
                return Files.readString(file).strip();
            } catch (IOException e) {
                throw new ClusterSourceException(
                        "the service account's token " + file + " can't be read (" + e
                                + "); mount it, or give a kubeconfig",
                        e);
            }
        }
    }
}
