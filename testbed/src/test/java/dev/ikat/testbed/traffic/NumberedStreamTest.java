package dev.ikat.testbed.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
@RequiresProgram({"ip", "nft"})
final class NumberedStreamTest {
    private static final int PORT = 9000;
    private static final Duration LIMIT = Duration.ofSeconds(5);

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void whereNothingIsDroppedAllArrive(String address) {
        try (TestNamespace namespace = TestNamespace.create();
                NumberedStream stream =
                        NumberedStream.start(namespace, namespace, IpAddress.parse(address), PORT, 2000)) {
            Await.until(LIMIT, () -> "few were sent", () -> stream.soFar().sent() > 200);

            NumberedStream.Count count = stream.end();

            assertThat(count.arrived()).isEqualTo(count.sent()).isGreaterThan(200);
        }
    }

    @Test
    void thoseThatAreDroppedAreMissing() {
        try (TestNamespace namespace = TestNamespace.create();
                NumberedStream stream =
                        NumberedStream.start(namespace, namespace, IpAddress.parse("127.0.0.1"), PORT, 2000)) {
            namespace.exec("nft", "add table ip test");
            namespace.exec("nft", "add chain ip test out { type filter hook output priority 0; }");
            // Of 540 bytes each, three.
            namespace.exec("nft", "add rule ip test out udp dport " + PORT + " quota until 2000 bytes drop");
            long then = stream.soFar().sent();
            Await.until(LIMIT, () -> "few were sent", () -> stream.soFar().sent() > then + 100);

            assertThat(stream.end().missing()).isEqualTo(3);
        }
    }
}
