package dev.ikat.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ListenTest {
    @Test
    void isNowhereOnTheNodeOrAtAnAddress() {
        assertThat(Listen.parse("0")).isEqualTo(new Listen.Nowhere());
        assertThat(Listen.parse("node:9474")).isEqualTo(new Listen.OnNode(9474));
        assertThat(Listen.parse("[2001:db8::1]:80"))
                .isEqualTo(new Listen.At(new InetSocketAddress(InetAddress.ofLiteral("2001:db8::1"), 80)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            node:0     | node:0' is invalid: a port is 1 to 65535
            node:70000 | node:70000' is invalid: a port is 1 to 65535
            node       | node:PORT for the node
            worker:80  | worker
            9474       | it has to be ADDRESS:PORT
            """)
    void anythingElseIsRefused(String text, String reason) {
        assertThatThrownBy(() -> Listen.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(reason);
    }
}
