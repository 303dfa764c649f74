package dev.ikat.ebpf;

import dev.ikat.backendtests.ServiceContract;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.List;
import java.util.Optional;

@RequiresProgram("nft")
class EbpfServicesTest extends ServiceContract {
    private Optional<NodeServices> opened = Optional.empty();

    @Override
    protected ServiceBackend open(TestNamespace node) {
        NodeServices services = NodeServices.ofScene(node, false);
        opened = Optional.of(services);
        return services;
    }

    @Override
    protected List<StickyClient> stickyClients(ServiceProgram program) {
        return opened.orElseThrow().stickyClients(program);
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
                List.of("sh", "-c", "rm " + maps + "frontends-2"),
                List.of("sh", "-c", "rm " + maps + "*"),
                List.of("sh", "-c", "rm " + maps.replace("services-", "sockets-") + "connect6"),
                List.of("sh", "-c", "rm " + maps.replace("services-", "sockets-") + "*"));
    }
}
