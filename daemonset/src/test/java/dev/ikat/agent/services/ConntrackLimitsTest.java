package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConntrackLimitsTest {
    private static final String MOST = "net/netfilter/nf_conntrack_max";
    private static final String CLOSE_WAIT = "net/netfilter/nf_conntrack_tcp_timeout_close_wait";

    private final Map<String, String> kernel = new HashMap<>();

    private final Sysctl.Parameters parameters = new Sysctl.Parameters() {
        @Override
        public String read(String key) {
            if (!kernel.containsKey(key)) {
                throw new NetlinkException("read sysctl " + key, Errno.ENOENT);
            }
            return Objects.requireNonNull(kernel.get(key));
        }

        @Override
        public void write(String key, String value) {
            kernel.put(key, value);
        }
    };

    @ParameterizedTest
    @CsvSource({"65536, 2, 131072", "65536, 16, 524288", "1000000, 16, 1000000"})
    void mostConnectionsAreThoseOfKubeProxyAndNeverLowered(String before, int processors, String after) {
        kernel.put(MOST, before);

        new ConntrackLimits(parameters, processors).raise();

        assertThat(kernel).containsEntry(MOST, after);
    }

    @Test
    void kernelWithoutALimitIsLeftAsItIs() {
        new ConntrackLimits(parameters, 2).raise();

        assertThat(kernel).isEmpty();
    }

    @Test
    @RequiresRoot
    void halfClosedConnectionsAreKeptForAnHour() {
        try (TestNamespace host = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(host.path())) {
            namespace.call(() -> {
                ConntrackLimits limits = new ConntrackLimits(Sysctl.PARAMETERS, 2);
                limits.raise();
                assertThat(Sysctl.read(CLOSE_WAIT)).isEqualTo("3600");

                Sysctl.write(CLOSE_WAIT, "7200");
                limits.raise();
                return assertThat(Sysctl.read(CLOSE_WAIT)).isEqualTo("7200");
            });
        }
    }
}
