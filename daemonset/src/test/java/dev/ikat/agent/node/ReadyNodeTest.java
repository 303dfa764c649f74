package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.cni.Conflist;
import dev.ikat.agent.cni.ConflistKeeper;
import dev.ikat.agent.cni.PluginPrograms;
import dev.ikat.agent.config.ChainedPlugin;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniException;
import dev.ikat.cni.CniResult;
import dev.ikat.cni.CniVersion;
import dev.ikat.cni.NetworkConfig;
import dev.ikat.model.NetworkName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadyNodeTest {
    private final Readiness readiness = new Readiness();
    private final AgentPodNetwork network =
            new AgentPodNetwork(readiness, Optional.empty(), InstantSource.system(), Instant.EPOCH);
    private final AtomicInteger announced = new AtomicInteger();

    @TempDir
    private Path directory;

    private Path conflist;
    private ReadyNode node;

    @BeforeEach
    void start() {
        Path netD = directory.resolve("net.d");
        conflist = netD.resolve("10-ikat.conflist");
        chain(List.of());
    }

    private void chain(List<ChainedPlugin> chain) {
        PluginPrograms programs = new PluginPrograms(List.of(directory.resolve("bin")));
        ConflistKeeper keeper = new ConflistKeeper(
                new Conflist(conflist.resolveSibling(""), "10-ikat.conflist", chain, true, programs),
                readiness,
                new Metrics());
        node = new ReadyNode(readiness, network, keeper, announced::incrementAndGet, () -> Duration.ofSeconds(1));
    }

    private void allBut(Part missing) {
        for (Part part : Part.values()) {
            if (part != missing && part != Part.CONFLIST) {
                readiness.ready(part);
            }
        }
    }

    private void requireReady() {
        network.requireReady(config());
    }

    private static NetworkConfig config() {
        return new NetworkConfig(
                CniVersion.V1_0_0,
                new NetworkName("ikat"),
                false,
                Optional.empty(),
                Optional.empty(),
                List.of(),
                CniResult.Dns.NONE,
                Optional.empty(),
                Optional.empty());
    }

    @Test
    void runtimeHearsOfNothingWhileSomethingIsNotInOrder() {
        allBut(Part.OVERLAY);
        node.check();
        assertThat(node.checkConflist()).isTrue();
        assertThat(conflist).doesNotExist();
        assertThat(announced).hasValue(0);
        assertThatThrownBy(this::requireReady).isInstanceOf(CniException.class);
    }

    @Test
    void whenAllIsInOrderPodsAreWiredAndTheClusterIsToldOnce() {
        allBut(Part.CONFLIST);
        node.check();
        node.check();
        assertThat(conflist).exists();
        assertThat(readiness.isReady()).isTrue();
        assertThat(announced).hasValue(1);
        assertThatCode(this::requireReady).doesNotThrowAnyException();
    }

    @Test
    void configurationThatSomebodyRemovedIsWrittenAgain() throws IOException {
        allBut(Part.CONFLIST);
        node.check();
        Files.delete(conflist);
        assertThat(node.checkConflist()).isTrue();
        assertThat(conflist).exists();
    }

    @Test
    void clusterIsToldWhenTheConfigurationThatCouldNotBeWrittenIsThere() throws IOException {
        Files.writeString(conflist.getParent(), "a file in the directory's place");
        allBut(Part.CONFLIST);
        node.check();
        assertThat(announced).hasValue(0);
        assertThat(node.checkConflist()).isFalse();

        Files.delete(conflist.getParent());
        assertThat(node.checkConflist()).isTrue();
        assertThat(announced).hasValue(1);
    }

    @Test
    void nodeWhoseRuntimeReadsAnotherConfigurationFirstIsNotReadyUntilThatIsGone() throws IOException {
        Path other = Files.createDirectories(conflist.getParent()).resolve("05-cilium.conf");
        Files.writeString(other, "{\"name\": \"cilium\", \"type\": \"cilium-cni\"}");
        allBut(Part.CONFLIST);
        node.check();
        assertThat(conflist).exists();
        assertThat(readiness.reasons()).singleElement().asString().startsWith("conflist: runtimes read " + other);
        assertThat(announced).hasValue(0);

        Files.delete(other);
        assertThat(node.checkConflist()).isTrue();
        assertThat(readiness.isReady()).isTrue();
        assertThat(announced).hasValue(1);
    }

    @Test
    void configurationWithAPluginThatIsMissingIsWrittenWhenItIsInstalledAndThenStays() throws IOException {
        chain(List.of(ChainedPlugin.of("portmap")));
        allBut(Part.CONFLIST);
        node.check();
        assertThat(conflist).doesNotExist();
        assertThat(readiness.reasons()).singleElement().asString().contains("plugin portmap is not in");

        Path portmap = Files.createDirectory(directory.resolve("bin")).resolve("portmap");
        Files.createSymbolicLink(portmap, Path.of("/anything"));
        assertThat(node.checkConflist()).isTrue();
        assertThat(conflist).exists();
        assertThat(readiness.isReady()).isTrue();
        assertThat(announced).hasValue(1);

        Files.delete(portmap);
        node.checkConflist();
        assertThat(conflist).as("pods that run are deleted by it").exists();
        assertThat(readiness.isReady()).isFalse();
        assertThatCode(this::requireReady).doesNotThrowAnyException();
    }

    @Test
    void nodeGoesWithoutAnOptionalPlugin() {
        chain(List.of(new ChainedPlugin("portmap", "{\"type\":\"portmap\"}", true)));
        allBut(Part.CONFLIST);
        node.check();
        assertThat(conflist).content().doesNotContain("portmap");
        assertThat(readiness.isReady()).isTrue();
    }

    @Test
    void statusFailsUntilPodsAreWiredAndNotForWhatIsRepairedLater() {
        allBut(Part.OVERLAY);
        node.check();
        assertThat(network.status(config())).map(CniException::error).contains(CniError.NOT_AVAILABLE);

        readiness.ready(Part.OVERLAY);
        node.check();
        readiness.notReady(Part.FIREWALL, "something is in the way");
        assertThat(network.status(config())).isEmpty();
    }

    /** As at each upgrade: otherwise the cluster would take the node's pods out of their services. */
    @Test
    void statusOfAnAgentThatTakesAnothersPlaceSucceedsForAWhile() {
        Instant start = Instant.parse("2026-01-01T00:00:00Z");
        AtomicReference<Instant> now = new AtomicReference<>(start);
        AgentPodNetwork successor = new AgentPodNetwork(readiness, Optional.empty(), now::get, start.plusSeconds(60));
        readiness.notReady(Part.OVERLAY, "is not looked at yet");

        assertThat(successor.status(config())).isEmpty();
        assertThatThrownBy(() -> successor.requireReady(config())).isInstanceOf(CniException.class);
        now.set(start.plusSeconds(61));
        assertThat(successor.status(config())).map(CniException::error).contains(CniError.NOT_AVAILABLE);
    }
}
