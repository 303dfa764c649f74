package dev.ikat.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NamesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"", ".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-bytes-xx", "ééééééééé", "à0", "a\u00a0b"})
    void namesThatTheKernelRefusesAreRefused(String name) {
        assertThatThrownBy(() -> new InterfaceName(name)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "ik0123456789abc", "a.b", "..."})
    void namesThatTheKernelTakesAreTaken(String name) {
        assertThat(new InterfaceName(name)).hasToString(name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "%",
                "eth%d",
                "%d",
                "all",
                "default",
                ".",
                "..",
                "",
                "a/b",
                "a:b",
                "a b",
                "sixteen-bytes-xx",
                "a\nb",
                "a\u001b[2J",
                "a\u007f",
                "a\u2028",
                "a\u202e",
                "a\u200b",
                "a\ufffd",
                "a\u0085",
                "a\u0001"
            })
    void namesThatNoInterfaceOfAPodShouldHaveAreRefused(String name) {
        assertThatThrownBy(() -> InterfaceName.ofPod(name))
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .doesNotContainPattern("[\\p{Cntrl}\\u2028\\u202e]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "all0", "default0", "ALL", "...", "é0", "a\"b"})
    void otherNamesOfAPodsInterfaceAreTaken(String name) {
        assertThat(InterfaceName.ofPod(name)).hasToString(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"all", "default", "a%b", "a\u001b"})
    void namesOfLinksThatAreThereAreRead(String name) {
        assertThat(new InterfaceName(name)).hasToString(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-a", "_a", ".a", "a/b", "a b", "a\n", "ä"})
    void containerAndNetworkNamesFollowTheSpecification(String name) {
        assertThatThrownBy(() -> new ContainerId(name)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new NetworkName(name)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void attachmentIsWrittenAsContainerAndInterface() {
        assertThat(new Attachment(new ContainerId("c1"), new InterfaceName("eth0")))
                .hasToString("c1/eth0");
    }

    @Test
    void linkLayerAddressRoundTrips() {
        MacAddress mac = MacAddress.parse("0E:6b:0a:00:00:01");
        assertThat(mac).hasToString("0e:6b:0a:00:00:01");
        assertThat(MacAddress.of(mac.toBytes())).isEqualTo(mac);
        assertThatThrownBy(() -> MacAddress.parse("0e:6b:0a:00:00")).hasMessageContaining("0e:6b:0a:00:00");
        assertThatThrownBy(() -> MacAddress.parse("0e6b0a000001")).isInstanceOf(IllegalArgumentException.class);
    }
}
