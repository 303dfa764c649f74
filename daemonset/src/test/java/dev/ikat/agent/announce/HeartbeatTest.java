package dev.ikat.agent.announce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.announce.Heartbeat.Standing;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HeartbeatTest {
    private static Heartbeat any(Generator random) {
        Map<Long, Long> givenUp = new HashMap<>();
        int count = random.between(0, Heartbeat.MOST_GIVEN_UP);
        for (int i = 0; i < count; i++) {
            givenUp.put(random.bits(), random.bits());
        }
        return new Heartbeat(
                random.text("abc.-01", 1, 253),
                random.address(random.oneOf(IpFamily.values())),
                random.bits(),
                random.oneOf(Standing.values()),
                givenUp);
    }

    @Test
    void whatIsWrittenIsReadAlsoFromAPaddedFrame() {
        Seeds.forEach(500, random -> {
            Heartbeat heartbeat = any(random);
            byte[] bytes = heartbeat.bytes();

            assertThat(bytes).hasSizeLessThan(1280);
            assertThat(Heartbeat.read(ByteBuffer.wrap(bytes))).contains(heartbeat);
            assertThat(Heartbeat.read(ByteBuffer.wrap(Arrays.copyOf(bytes, bytes.length + 40))))
                    .contains(heartbeat);
        });
    }

    @Test
    void partOfOneIsNone() {
        Seeds.forEach(500, random -> {
            byte[] bytes = any(random).bytes();

            assertThat(Heartbeat.read(ByteBuffer.wrap(Arrays.copyOf(bytes, random.between(0, bytes.length - 1)))))
                    .isEmpty();
        });
    }

    @Test
    void anyBytesAfterTheBeginningAreReadOrNot() {
        byte[] beginning = new Heartbeat("a", IpAddress.parse("192.0.2.1"), 1, Standing.ACTIVE, Map.of()).bytes();
        Seeds.forEach(2000, random -> {
            byte[] bytes = random.bytes(6, 200);
            System.arraycopy(beginning, 0, bytes, 0, 6);

            Heartbeat.read(ByteBuffer.wrap(bytes))
                    .ifPresent(read -> assertThat(read.node()).isNotEmpty());
        });
    }
}
