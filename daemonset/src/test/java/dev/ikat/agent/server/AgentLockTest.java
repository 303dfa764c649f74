package dev.ikat.agent.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class AgentLockTest {
    private TestDirectory directory;
    private Path runDirectory;
    private TestNamespace host;
    private NetworkNamespace entered;

    @BeforeEach
    void makeHost() {
        directory = TestDirectory.create();
        runDirectory = directory.path().resolve("run");
        host = TestNamespace.create();
        entered = NetworkNamespace.open(host.path());
    }

    @AfterEach
    void remove() {
        entered.close();
        host.close();
        directory.close();
    }

    private AgentLock acquire(Path run) {
        return entered.call(() -> AgentLock.acquire(run));
    }

    @Test
    void secondAgentIsRefusedWithTheFirstOnesProcess() {
        try (AgentLock first = acquire(runDirectory)) {
            assertThat(first.isInPlace()).isTrue();
            assertThatThrownBy(() -> acquire(runDirectory))
                    .isInstanceOf(AgentRunningException.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid())
                    .hasMessageContaining(runDirectory.toString());
        }
        acquire(runDirectory).close();
    }

    @Test
    void secondAgentIsRefusedThoughTheLockFileWasRemoved() throws IOException {
        try (AgentLock first = acquire(runDirectory)) {
            Files.delete(runDirectory.resolve("agent.lock"));
            assertThat(first.isInPlace()).isFalse();

            assertThatThrownBy(() -> acquire(runDirectory))
                    .isInstanceOf(AgentRunningException.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid());
            first.restore();

            assertThat(first.isInPlace()).isTrue();
            assertThatThrownBy(() -> acquire(runDirectory)).isInstanceOf(AgentRunningException.class);
        }
    }

    @Test
    void agentWithAnotherRunDirectoryIsRefusedAndBothAreNamed() {
        Path other = directory.path().resolve("other");
        try (AgentLock first = acquire(runDirectory)) {
            assertThat(first).isNotNull();
            assertThatThrownBy(() -> acquire(other))
                    .isInstanceOf(AgentRunningException.class)
                    .hasMessageContaining(runDirectory.toString())
                    .hasMessageContaining(other.toString());
        }
        acquire(other).close();
    }

    /** As one without a claim: its lock file was removed, its socket is there. */
    @Test
    void agentThatOnlyItsSocketTellsOfIsFound() {
        Path runs = directory.directory("run");
        CniServer server =
                CniServer.start(runs, request -> Reply.silent(CniServerTest.echo(request)), new ContainerLanes(), 1);
        assertThatThrownBy(() -> acquire(runs)).isInstanceOf(AgentRunningException.class);
        server.close();
        acquire(runs).close();
    }

    @Test
    void socketOfADeadAgentIsInNobodysWay() throws IOException {
        Path runs = directory.directory("run");
        AgentSocket left = AgentSocket.bind(runs);
        left.channel().close();
        assertThat(runs.resolve(CniServer.SOCKET)).exists();

        acquire(runs).close();
    }

    /** Anybody may bind such a name. */
    @Test
    void claimOfAnotherUserKeepsNoAgentFromStarting() throws Exception {
        String name = "ikat:12345678:/run/ikat";
        Process squatter = new ProcessBuilder(host.entering(java.util.List.of(
                        "setpriv",
                        "--reuid=65534",
                        "--regid=65534",
                        "--clear-groups",
                        "perl",
                        "-MSocket",
                        "-e",
                        "socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack('S', AF_UNIX) . qq(\\0" + name
                                + ")) or die; listen(S, 5) or die; print qq(bound\\n); close(STDOUT); sleep 60")))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var out = squatter.inputReader()) {
            assertThat(out.readLine()).isEqualTo("bound");

            acquire(runDirectory).close();
        } finally {
            squatter.destroyForcibly().waitFor();
        }
    }

    @Test
    void directoryThatOthersCanChangeIsRefused() throws IOException {
        Path writable = directory.directory("writable");
        Files.setPosixFilePermissions(writable, PosixFilePermissions.fromString("rwxrwxr-x"));
        Path others = directory.directory("others");
        Files.setAttribute(others, "unix:uid", 1000);
        Path link = Files.createSymbolicLink(directory.path().resolve("link"), directory.directory("target"));
        Path file = Files.createFile(directory.path().resolve("file"));

        Map.of(writable, "chmod go-w", others, "chown root", link, "is a symbolic link", file, "is not a directory")
                .forEach((run, message) -> assertThatThrownBy(() -> acquire(run))
                        .isInstanceOf(UncheckedIOException.class)
                        .hasMessageContaining(run.toString())
                        .hasMessageContaining(message));
        assertThat(directory.path().resolve("target")).isEmptyDirectory();
    }

    @Test
    void linkInTheLocksPlaceIsNotFollowed() throws IOException {
        Path runs = directory.directory("run");
        Path victim = Files.writeString(directory.path().resolve("victim"), "as it was");
        Files.createSymbolicLink(runs.resolve("agent.lock"), victim);
        Files.createSymbolicLink(runs.resolve("agent.sock.new"), victim);

        assertThatThrownBy(() -> acquire(runs))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("agent.lock is a symbolic link to " + victim);
        CniServer.start(runs, request -> Reply.silent(CniServerTest.echo(request)), new ContainerLanes(), 1)
                .close();

        assertThat(victim).hasContent("as it was");
    }
}
