package dev.ikat.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NodeListenerTest {
    private static final String NOBODYS = "192.0.2.1";

    private final HealthEndpoint endpoint = HealthEndpoint.start(
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), new Metrics(), new Readiness()::reasons);
    private final RecentErrors errors = new RecentErrors(Clock.systemUTC());
    private final List<IpAddress> addresses = new ArrayList<>();
    private final NodeListener listener = new NodeListener(endpoint, endpoint.port(), () -> addresses, errors);

    @AfterEach
    void close() {
        endpoint.close();
    }

    private void check(String... now) {
        addresses.clear();
        List.of(now).forEach(address -> addresses.add(IpAddress.parse(address)));
        listener.check();
    }

    private boolean answers(String address) {
        try (Socket socket = new Socket(InetAddress.ofLiteral(address), endpoint.port())) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void followsTheAddressesOfTheNodeOfBothFamilies() {
        assertThat(answers("127.0.0.2")).isFalse();

        check("127.0.0.2", "::1");
        assertThat(answers("127.0.0.2")).isTrue();
        assertThat(answers("::1")).isTrue();

        check("127.0.0.3");
        assertThat(answers("127.0.0.2")).isFalse();
        assertThat(answers("127.0.0.3")).isTrue();
        assertThat(answers("127.0.0.1")).isTrue();
        assertThat(errors.entries()).isEmpty();
    }

    @Test
    void goesOnWhileTheNodeIsNotKnown() {
        check("127.0.0.2");
        check();

        assertThat(answers("127.0.0.2")).isTrue();
    }

    @Test
    void addressThatTheHostDoesNotHaveIsAnErrorAndTriedAgain() {
        check(NOBODYS, "127.0.0.2");
        assertThat(answers("127.0.0.2")).isTrue();
        check(NOBODYS, "127.0.0.2");

        assertThat(errors.entries()).singleElement().satisfies(error -> {
            assertThat(error.what()).isEqualTo("listen");
            assertThat(error.message()).contains(NOBODYS);
            assertThat(error.times()).isEqualTo(2);
        });
    }
}
