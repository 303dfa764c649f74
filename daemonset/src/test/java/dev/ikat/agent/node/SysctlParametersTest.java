package dev.ikat.agent.node;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import org.junit.jupiter.api.AfterEach;

@RequiresRoot
final class SysctlParametersTest extends ParametersContract {
    private final TestNamespace test = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());

    @AfterEach
    void close() {
        namespace.close();
        test.close();
    }

    @Override
    Sysctl.Parameters parameters() {
        return new Sysctl.Parameters() {
            @Override
            public String read(String key) {
                return namespace.call(() -> Sysctl.PARAMETERS.read(key));
            }

            @Override
            public void write(String key, String value) {
                namespace.call(() -> {
                    Sysctl.PARAMETERS.write(key, value);
                    return key;
                });
            }
        };
    }
}
