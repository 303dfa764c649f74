package dev.ikat.services.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class StickyClientTest {
    private static final Frontend WEB = new Frontend(IpAddress.parse("10.96.0.80"), Protocol.TCP, 80);
    private static final Frontend OTHER = new Frontend(IpAddress.parse("10.96.0.80"), Protocol.UDP, 80);

    private static StickyClient client(int number, Frontend frontend, int backend, int minutes) {
        return new StickyClient(
                IpAddress.parse("10.244.0.0").plus(number),
                frontend,
                new Backend(IpAddress.parse("10.244.1.0").plus(backend), 8080),
                Duration.ofMinutes(minutes));
    }

    @Test
    void latestOfAClientIsWhatHasTheMostTimeLeft() {
        StickyClient before = client(1, WEB, 1, 5);
        StickyClient later = client(1, WEB, 2, 9);
        StickyClient elsewhere = client(1, OTHER, 1, 3);
        StickyClient another = client(2, WEB, 1, 3);

        assertThat(StickyClient.latest(List.of(before, later, elsewhere, another)))
                .containsExactly(later, elsewhere, another);
        assertThat(StickyClient.latest(List.of(later, before))).containsExactly(later);
    }
}
