package dev.ikat.testbed.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresPackage;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** The runtimes' harness with the reference plugins: what fails here is not Ikat's. */
@RequiresRoot
@RequiresPackage({"containernetworking-plugins", "busybox-static", "runc"})
final class ContainerRuntimeTest {
    private static final String NETWORK = """
            {"cniVersion": "0.4.0", "name": "reference", "plugins": [{"type": "bridge", "bridge": "reference0",
              "isGateway": true, "ipam": {"type": "host-local", "dataDir": "/run/host-local",
                "ranges": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]}}]}
            """;

    @Test
    @RequiresPackage("containerd")
    void containerdStartsTwoContainersThatReachEachOther() throws IOException {
        twoContainersReachEachOther(home -> host -> new ContainerRuntime.Containerd(host, home.resolve("containerd")));
    }

    @Test
    @RequiresPackage("podman")
    void podmanStartsTwoContainersThatReachEachOther() throws IOException {
        twoContainersReachEachOther(
                home -> host -> new ContainerRuntime.Podman(host, home.resolve("podman"), "reference"));
    }

    private static void twoContainersReachEachOther(Function<Path, Function<RuntimeHost, ContainerRuntime>> factory)
            throws IOException {
        try (TestDirectory directory = TestDirectory.create();
                TestNamespace namespace = TestNamespace.create()) {
            Path home = directory.directory("host");
            directory.directory("cni");
            for (String plugin : List.of("bridge", "host-local", "loopback")) {
                Files.copy(
                        Path.of("/usr/lib/cni", plugin),
                        directory.path().resolve("cni").resolve(plugin),
                        java.nio.file.StandardCopyOption.COPY_ATTRIBUTES);
            }
            try (RuntimeHost host = RuntimeHost.start(namespace, home, new Distribution(directory.path()))) {
                Files.writeString(host.root().resolve("etc/cni/net.d/10-reference.conflist"), NETWORK);
                try (ContainerRuntime runtime = factory.apply(home).apply(host)) {
                    runtime.start("one");
                    runtime.start("two");
                    List<IpAddress> one = runtime.addresses("one");
                    List<IpAddress> two = runtime.addresses("two");

                    assertThat(one).hasSize(2).doesNotContainAnyElementsOf(two);
                    assertThat(runtime.unreached("one", two)).isEmpty();
                    assertThat(runtime.unreached("two", one)).isEmpty();

                    runtime.remove("one");
                    runtime.remove("two");
                    assertThat(namespace.linkNames()).containsExactlyInAnyOrder("lo", "reference0");
                }
            }
        }
    }
}
