package dev.ikat.agent.node;

import dev.ikat.agent.FakeParameters;
import dev.ikat.netlink.namespace.Sysctl;

final class FakeParametersTest extends ParametersContract {
    private final FakeParameters parameters = new FakeParameters().with("net/ipv4/ip_forward", "0");

    @Override
    Sysctl.Parameters parameters() {
        return parameters;
    }
}
