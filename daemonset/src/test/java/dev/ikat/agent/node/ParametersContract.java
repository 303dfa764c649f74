package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.Sysctl;
import org.junit.jupiter.api.Test;

/** What the parameters of a network namespace do, the kernel's and those in memory. */
abstract class ParametersContract {
    private static final String KEY = "net/ipv4/ip_forward";
    private static final String NONE = "net/ipv4/conf/none0/accept_local";

    /** Of a namespace that does not forward. */
    abstract Sysctl.Parameters parameters();

    @Test
    void valueIsTheOneThatWasWritten() {
        Sysctl.Parameters parameters = parameters();
        assertThat(parameters.read(KEY)).isEqualTo("0");
        parameters.write(KEY, "1");
        assertThat(parameters.read(KEY)).isEqualTo("1");
    }

    @Test
    void parameterThatIsNotThereIsNeitherReadNorWritten() {
        assertThatThrownBy(() -> parameters().read(NONE))
                .isInstanceOfSatisfying(
                        NetlinkException.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.ENOENT));
        assertThatThrownBy(() -> parameters().write(NONE, "1"))
                .isInstanceOfSatisfying(
                        NetlinkException.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.ENOENT));
    }
}
