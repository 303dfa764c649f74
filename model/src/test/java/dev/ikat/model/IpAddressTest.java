package dev.ikat.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpAddressTest {
    @ParameterizedTest
    @CsvSource({
        "0.0.0.0, 0.0.0.0",
        "255.255.255.255, 255.255.255.255",
        "10.244.1.7, 10.244.1.7",
        "::, ::",
        "::1, ::1",
        "1::, 1::",
        "FD00:0:0:1::000A, fd00:0:0:1::a",
        "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
        "2001:0:0:1:0:0:0:1, 2001:0:0:1::1",
        "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "::ffff:1.2.3.4, ::ffff:1.2.3.4",
        "0:0:0:0:0:0:0:0, ::",
        "1:2:3:4:5:6:7:8, 1:2:3:4:5:6:7:8",
        "1:0:0:0:0:0:0:8, 1::8",
        "0:0:3:4:5:6:0:0, ::3:4:5:6:0:0",
    })
    void textIsReadAndWrittenCanonically(String text, String canonical) {
        assertThat(IpAddress.parse(text)).hasToString(canonical);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1.2.3",
                "1.2.3.4.5",
                "1.2.3.256",
                "01.2.3.4",
                "1.2.3.4 ",
                "a.b.c.d",
                ":",
                ":::",
                "1:2",
                "fe80::1%eth0",
                "[::1]",
                "g::",
                "1::2::3",
                "localhost",
                "1.2.3.4/24"
            })
    void whatIsNoAddressIsRefused(String text) {
        assertThatThrownBy(() -> IpAddress.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + text + "'");
    }

    @Test
    void textAndBytesRoundTripAndAgreeWithTheJdk() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
            random.nextBytes(bytes);
            for (int zero = random.nextInt(bytes.length); zero > 0; zero--) {
                bytes[random.nextInt(bytes.length)] = 0;
            }
            IpAddress address = IpAddress.of(bytes);
            assertThat(address.toBytes()).as("seed %d", seed).isEqualTo(bytes);
            assertThat(IpAddress.parse(address.toString())).as("seed %d", seed).isEqualTo(address);
            assertThat(address.toInetAddress()).as("seed %d", seed).isEqualTo(InetAddress.getByAddress(bytes));
        }
    }

    @Test
    void arithmeticCarriesAndStopsAtTheEnd() {
        assertThat(IpAddress.parse("10.0.0.255").next()).hasToString("10.0.1.0");
        assertThat(IpAddress.parse("fd00::ffff:ffff:ffff:ffff").next()).hasToString("fd00:0:0:1::");
        assertThat(IpAddress.parse("10.0.1.0").distanceFrom(IpAddress.parse("10.0.0.0")))
                .isEqualTo(256);
        assertThat(IpAddress.parse("fd00:0:0:1::").distanceFrom(IpAddress.parse("fd00::ffff:ffff:ffff:ffff")))
                .isEqualTo(1);
        assertThat(IpAddress.parse("fd01::").distanceFrom(IpAddress.parse("fd00::")))
                .isEqualTo(-1);
        assertThatThrownBy(() -> IpAddress.parse("255.255.255.255").next()).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> IpAddress.parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
                        .next())
                .isInstanceOf(ArithmeticException.class);
    }

    @Test
    void scopesFollowTheRfcs() {
        assertThat(IpAddress.parse("127.9.9.9").isLoopback()).isTrue();
        assertThat(IpAddress.parse("::1").isLoopback()).isTrue();
        assertThat(IpAddress.parse("128.0.0.1").isLoopback()).isFalse();
        assertThat(IpAddress.parse("239.1.1.1").isMulticast()).isTrue();
        assertThat(IpAddress.parse("ff02::1").isMulticast()).isTrue();
        assertThat(IpAddress.parse("169.254.1.1").isLinkLocal()).isTrue();
        assertThat(IpAddress.parse("febf::1").isLinkLocal()).isTrue();
        assertThat(IpAddress.parse("fec0::1").isLinkLocal()).isFalse();
        assertThat(IpAddress.parse("::").isUnspecified()).isTrue();
    }

    @Test
    void ipv4ComesBeforeIpv6AndOrderIsUnsigned() {
        assertThat(IpAddress.parse("255.0.0.0")).isLessThan(IpAddress.parse("::"));
        assertThat(IpAddress.parse("200.0.0.0")).isGreaterThan(IpAddress.parse("100.0.0.0"));
        assertThat(IpAddress.parse("ffff::")).isGreaterThan(IpAddress.parse("1::"));
    }

    @Test
    void previousIsTheAddressBefore() {
        assertThat(IpAddress.parse("10.0.1.0").previous()).isEqualTo(IpAddress.parse("10.0.0.255"));
        assertThat(IpAddress.parse("fd00:0:0:1::").previous()).isEqualTo(IpAddress.parse("fd00::ffff:ffff:ffff:ffff"));
        assertThatThrownBy(() -> IpAddress.parse("0.0.0.0").previous()).isInstanceOf(ArithmeticException.class);
    }
}
