package dev.ikat.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CidrTest {
    @ParameterizedTest
    @CsvSource({
        "10.0.0.0/8, 10.0.0.0, 10.255.255.255",
        "0.0.0.0/0, 0.0.0.0, 255.255.255.255",
        "10.1.2.3/32, 10.1.2.3, 10.1.2.3",
        "10.1.2.2/31, 10.1.2.2, 10.1.2.3",
        "::/0, ::, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fd00::/64, fd00::, fd00::ffff:ffff:ffff:ffff",
        "fd00:0:0:8000::/49, fd00:0:0:8000::, fd00::ffff:ffff:ffff:ffff:ffff",
        "fd00::8/125, fd00::8, fd00::f",
        "fd00::1/128, fd00::1, fd00::1",
    })
    void firstAndLastBoundTheBlock(String cidr, String first, String last) {
        Cidr parsed = Cidr.parse(cidr);
        assertThat(parsed).hasToString(cidr);
        assertThat(parsed.first()).hasToString(first);
        assertThat(parsed.last()).hasToString(last);
        assertThat(parsed.contains(parsed.first())).isTrue();
        assertThat(parsed.contains(parsed.last())).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "/8", "x/8"})
    void malformedBlocksAreRefused(String text) {
        assertThatThrownBy(() -> Cidr.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void hostBitsAreRefusedWithTheRightForm() {
        assertThatThrownBy(() -> Cidr.parse("10.1.2.3/24")).hasMessageContaining("10.1.2.0/24");
    }

    @Test
    void containmentKeepsFamiliesApart() {
        assertThat(Cidr.parse("0.0.0.0/0").contains(IpAddress.parse("::"))).isFalse();
        assertThat(Cidr.parse("10.0.0.0/8").contains(Cidr.parse("10.1.0.0/16"))).isTrue();
        assertThat(Cidr.parse("10.1.0.0/16").contains(Cidr.parse("10.0.0.0/8"))).isFalse();
        assertThat(Cidr.parse("10.1.0.0/16").overlaps(Cidr.parse("10.0.0.0/8"))).isTrue();
        assertThat(Cidr.parse("10.1.0.0/16").overlaps(Cidr.parse("10.2.0.0/16")))
                .isFalse();
        assertThat(Cidr.containing(IpAddress.parse("10.1.2.3"), 16)).hasToString("10.1.0.0/16");
        assertThat(InterfaceAddress.parse("10.1.2.3/24").cidr()).hasToString("10.1.2.0/24");
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.1.0/24 10.0.0.0/24, 10.0.0.0/23",
        "10.0.1.0/24 10.0.2.0/24, 10.0.1.0/24 10.0.2.0/24",
        "10.0.3.0/24 10.0.1.0/24 10.0.0.0/24 10.0.2.0/24, 10.0.0.0/22",
        "10.0.0.0/23 10.0.1.0/24 10.0.1.128/25, 10.0.0.0/23",
        "10.0.0.0/24 10.0.1.0/25 10.0.1.128/25, 10.0.0.0/23",
        "0.0.0.0/1 128.0.0.0/1, 0.0.0.0/0",
        "fd00::/64 10.0.0.0/24 fd00:0:0:1::/64, 10.0.0.0/24 fd00::/63",
        "10.0.0.1/32 10.0.0.1/32, 10.0.0.1/32",
    })
    void mergedAreTheFewestBlocksOfTheSameAddresses(String blocks, String merged) {
        assertThat(Cidr.merged(Stream.of(blocks.split(" ")).map(Cidr::parse).toList()))
                .extracting(Cidr::toString)
                .containsExactly(merged.split(" "));
    }

    @Test
    void nothingMergedIsNothing() {
        assertThat(Cidr.merged(List.of())).isEmpty();
    }
}
