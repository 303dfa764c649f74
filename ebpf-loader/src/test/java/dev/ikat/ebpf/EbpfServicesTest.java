package dev.ikat.ebpf;

import dev.ikat.backendtests.ServiceContract;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.List;

@RequiresProgram("nft")
class EbpfServicesTest extends ServiceContract {
    @Override
    protected ServiceBackend open(TestNamespace node) {
        return new NodeServices(node, EbpfSettings.USUAL);
    }

    @Override
    protected String rules(TestNamespace node) {
        return node.exec("nft", "list", "ruleset") + NodeBackend.pins(node);
    }

    @Override
    protected List<List<String>> drifts() {
        String maps = "/sys/fs/bpf/ikat/$(stat -L -c %i /proc/self/ns/net)/services-";
        return List.of(
                List.of("nft", "flush ruleset"),
                List.of("nft", "flush chain inet ikat services-prerouting"),
                List.of("sh", "-c", "rm " + maps + "frontends-1"),
                List.of("sh", "-c", "rm " + maps + "*"));
    }
}
