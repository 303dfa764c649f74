package dev.ikat.testbed.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SeedsTest {
    @Test
    void sameSeedGivesSameValues() {
        assertThat(draw(new Generator(7))).isEqualTo(draw(new Generator(7))).isNotEqualTo(draw(new Generator(8)));
    }

    private static List<Object> draw(Generator random) {
        return List.of(
                random.between(0, 1000),
                random.text("abc", 5, 5),
                random.address(IpFamily.IPV6),
                random.cidr(IpFamily.IPV4, 8, 24),
                random.mac());
    }

    @Test
    void failureNamesTheSeed() {
        assertThatThrownBy(() -> Seeds.with(42, random -> assertThat(1).isEqualTo(2)))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("-Dikat.seed=42")
                .hasCauseInstanceOf(AssertionError.class);
    }

    @Test
    void valuesStayInTheirRanges() {
        Seeds.forEach(500, random -> {
            Cidr cidr = random.cidr(random.oneOf(IpFamily.IPV4, IpFamily.IPV6), 0, 32);

            assertThat(cidr.contains(random.addressIn(cidr))).isTrue();
            assertThat(random.between(-3, 4)).isBetween(-3, 4);
            assertThat(random.listOf(0, 5, Generator::mac)).hasSizeBetween(0, 5);
            assertThat(random.shuffled(List.of(1, 2, 3))).containsExactlyInAnyOrder(1, 2, 3);
        });
    }
}
