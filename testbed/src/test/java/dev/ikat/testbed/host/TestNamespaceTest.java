package dev.ikat.testbed.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram({"ip", "nsenter"})
final class TestNamespaceTest {
    @Test
    void hasNothingButItsLoopbackAndIsGoneAfterClose() {
        TestNamespace namespace = TestNamespace.create();
        try (namespace) {
            assertThat(namespace.linkNames()).containsExactly("lo");
            assertThat(namespace
                            .ipJson("link", "show", "lo")
                            .get(0)
                            .get("flags")
                            .toString())
                    .contains("UP");
        }
        assertThat(namespace.path()).doesNotExist();
    }

    @Test
    void commandsRunInsideAndTellOfFailure() {
        try (TestNamespace namespace = TestNamespace.create()) {
            namespace.ip("link", "add", "inside0", "type", "bridge");

            assertThat(namespace.exec("ip", "-o", "link")).contains("inside0");
            assertThat(Files.exists(java.nio.file.Path.of("/sys/class/net/inside0")))
                    .isFalse();
            assertThatThrownBy(() -> namespace.ip("link", "show", "nowhere0"))
                    .isInstanceOf(CommandFailedException.class)
                    .hasMessageContaining("nowhere0");
        }
    }

    @Test
    void theThreadThatRunsACommandInsideStaysOutside() {
        String outside = ProcessRunner.output("readlink", "/proc/self/ns/net");
        try (TestNamespace namespace = TestNamespace.create()) {
            assertThat(namespace.exec("readlink", "/proc/self/ns/net")).isNotEqualTo(outside);
            assertThatThrownBy(() -> namespace.exec("no-such-program")).isInstanceOf(CommandFailedException.class);
        }
        assertThat(ProcessRunner.output("readlink", "/proc/self/ns/net")).isEqualTo(outside);
        TestNamespace gone = TestNamespace.create();
        gone.close();
        assertThatThrownBy(() -> gone.exec("true"))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining(gone.name());
    }

    @Test
    void closeAfterSomebodyElseRemovedItIsNoError() {
        TestNamespace namespace = TestNamespace.create();
        ProcessRunner.output("ip", "netns", "del", namespace.name());

        namespace.close();

        assertThat(namespace.path()).doesNotExist();
    }

    @Test
    void givesTheNamespaceOfAProcessAName() throws java.io.IOException {
        Process process = new ProcessBuilder("unshare", "--net", "sleep", "600").start();
        Await.until(
                java.time.Duration.ofSeconds(5),
                () -> "sleep has not started",
                () -> process.info().command().orElse("").endsWith("sleep"));
        TestNamespace namespace = TestNamespace.of(process.toHandle());
        try (namespace) {
            assertThat(namespace.linkNames()).containsExactly("lo");
            process.destroyForcibly();
            assertThat(namespace.linkNames()).containsExactly("lo");
        }
        assertThat(namespace.path()).doesNotExist();
    }
}
