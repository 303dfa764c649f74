package dev.ikat.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.services.compiler.HealthCheck;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Load balancers are told on which nodes a service has endpoints. */
class HealthCheckPortsTest {
    private final AtomicBoolean healthy = new AtomicBoolean(true);
    private final HealthCheckPorts ports = new HealthCheckPorts(healthy::get);
    private final HttpClient client = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        ports.close();
        client.close();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private HttpResponse<String> ask(int port) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void nodeWithEndpointsIsHealthyAndOneWithoutIsNot() throws Exception {
        int port = freePort();
        ports.serve(List.of(new HealthCheck("shop", "web", port, 2)));
        HttpResponse<String> some = ask(port);
        ports.serve(List.of(new HealthCheck("shop", "web", port, 0)));
        HttpResponse<String> none = ask(port);

        assertThat(some.statusCode()).isEqualTo(200);
        assertThat(some.body())
                .isEqualTo("{\"service\":{\"namespace\":\"shop\",\"name\":\"web\"},\"localEndpoints\":2,"
                        + "\"serviceProxyHealthy\":true}\n");
        assertThat(none.statusCode()).isEqualTo(503);
        assertThat(none.body()).contains("\"localEndpoints\":0");
    }

    @Test
    void nodeWithoutServicesInForceIsNotHealthy() throws Exception {
        int port = freePort();
        ports.serve(List.of(new HealthCheck("shop", "web", port, 2)));
        healthy.set(false);

        HttpResponse<String> answer = ask(port);

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.body()).contains("\"serviceProxyHealthy\":false");
    }

    @Test
    void portOfServiceThatIsGoneIsClosed() throws Exception {
        int port = freePort();
        ports.serve(List.of(new HealthCheck("shop", "web", port, 1)));
        ask(port);

        ports.serve(List.of());

        assertThatThrownBy(() -> ask(port)).isInstanceOf(ConnectException.class);
    }

    @Test
    void portThatIsTakenIsNamedAndServedWhenItIsFree() throws Exception {
        List<HealthCheck> checks;
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("0.0.0.0"))) {
            int port = taken.getLocalPort();
            checks = List.of(new HealthCheck("shop", "web", port, 1));
            ports.serve(checks);
            assertThat(ports.failures())
                    .singleElement()
                    .asString()
                    .startsWith("health checks of shop/web at port " + port + " are not answered: ");
        }

        ports.serve(checks);

        assertThat(ports.failures()).isEmpty();
        assertThat(ask(checks.getFirst().port()).statusCode()).isEqualTo(200);
    }
}
