package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A namespace as a host for Debian's reference plugins, with a network of theirs. */
public final class ReferenceHost implements AutoCloseable {
    private final TestNamespace namespace = TestNamespace.create();
    private final CniNetwork network;

    private ReferenceHost(String name, String plugin, Path directory) {
        namespace.sysctl("net.ipv4.ip_forward", "1");
        Json list = Json.parse("""
                {"cniVersion": "1.0.0", "name": "%s", "plugins": [{%s,
                  "ipam": {"type": "host-local", "dataDir": "%s", "ranges": [[{"subnet": "10.99.0.0/16"}]],
                    "routes": [{"dst": "0.0.0.0/0"}]}}]}""".formatted(name, plugin, directory.resolve("host-local-" + name)));
        network = new CniNetwork(list, List.of(Path.of("/usr/lib/cni")), namespace.entering(List.of()), Map.of());
    }

    /** {@code bridge} with {@code host-local}. */
    public static ReferenceHost bridge(Path directory) {
        return new ReferenceHost(
                "bridge", "\"type\": \"bridge\", \"bridge\": \"cni0\", \"isGateway\": true", directory);
    }

    /** {@code ptp} with {@code host-local}, and iptables rules for masquerade. */
    public static ReferenceHost ptp(Path directory) {
        return new ReferenceHost("ptp", "\"type\": \"ptp\", \"ipMasq\": true", directory);
    }

    public TestNamespace namespace() {
        return namespace;
    }

    public CniNetwork network() {
        return network;
    }

    @Override
    public void close() {
        namespace.close();
    }
}
