package dev.ikat.netlink.namespace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SysctlTest {
    @ParameterizedTest
    @CsvSource({
        "net.ipv4.ip_forward, net/ipv4/ip_forward",
        "net/ipv4/ip_forward, net/ipv4/ip_forward",
        "net.ipv4.conf.eth0/100.forwarding, net/ipv4/conf/eth0.100/forwarding",
        "net/ipv4/conf/eth0.100/forwarding, net/ipv4/conf/eth0.100/forwarding",
    })
    void keysAreReadAsSysctl8ReadsThem(String key, String path) {
        assertThat(Sysctl.path(key)).isEqualTo(path);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/", "net//x", "net/../kernel/x", "/etc/passwd", "net.ipv4."})
    void whatLeadsElsewhereIsNoKey(String key) {
        assertThatThrownBy(() -> Sysctl.path(key))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + key + "'");
    }

    @Test
    void missingParameterIsEnoent() {
        assertThatThrownBy(() -> Sysctl.read("net.ipv4.no_such_thing"))
                .isInstanceOfSatisfying(
                        NetlinkException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT))
                .hasMessage("read sysctl net.ipv4.no_such_thing: ENOENT");
    }

    @Test
    @RequiresRoot
    void writesInTheNamespaceThatTheThreadIsIn() {
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path())) {
            test.ip("link", "add", "br.1", "type", "bridge");
            String key = Sysctl.ofInterface(IpFamily.IPV4, new InterfaceName("br.1"), "forwarding");

            String before = namespace.call(() -> Sysctl.read(key));
            String after = namespace.call(() -> {
                Sysctl.write(key, before.equals("1") ? "0" : "1");
                return Sysctl.read(key);
            });

            assertThat(after).isNotEqualTo(before);
            assertThat(test.exec("cat", "/proc/sys/" + key).strip()).isEqualTo(after);
        }
    }

    @Test
    @RequiresRoot
    void refusedValueSaysWhichAndWhere() {
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path())) {
            assertThatThrownBy(() -> namespace.call(() -> {
                        Sysctl.write("net.ipv4.ip_forward", "perhaps");
                        return true;
                    }))
                    .isInstanceOf(NetlinkException.class)
                    .hasMessage("write 'perhaps' to sysctl net.ipv4.ip_forward: EINVAL");
        }
    }
}
