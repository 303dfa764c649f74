package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.agent.overlay.OverlayMode;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class AgentMainTest {
    @TempDir
    private Path manifests;

    private static AgentOptions parse(String... arguments) {
        AgentMain main = new AgentMain();
        new CommandLine(main).parseArgs(arguments);
        return main.options();
    }

    @Test
    void defaultsNeedOnlyNameAndManifests() {
        AgentOptions options = parse("--node-name=a", "--manifests=" + manifests, "--run-dir=/run/ikat");
        assertThat(options.nodeName()).isEqualTo("a");
        assertThat(options.overlay().mode()).isEqualTo(OverlayMode.VXLAN);
        assertThat(options.overlay().port()).isEqualTo(8472);
        assertThat(options.masquerade()).isTrue();
        assertThat(options.listen()).map(a -> a.getPort()).contains(9474);
        assertThat(options.uplink()).isEmpty();
        assertThat(options.chain()).isEmpty();
        assertThat(options.killAt()).isEmpty();
    }

    @Test
    void everyOptionIsTaken() {
        AgentOptions options = parse(
                "--node-name=a",
                "--manifests=" + manifests,
                "--run-dir=/tmp/x",
                "--chain=portmap,bandwidth",
                "--overlay=auto",
                "--uplink=eth1",
                "--mtu=1400",
                "--masquerade=false",
                "--listen=0",
                "--reconcile-interval=500ms",
                "--lease-grace=PT2M",
                "--kill-at=add:LINK");
        assertThat(options.chain()).containsExactly("portmap", "bandwidth");
        assertThat(options.overlay().mode()).isEqualTo(OverlayMode.AUTO);
        assertThat(options.uplink()).map(Object::toString).contains("eth1");
        assertThat(options.masquerade()).isFalse();
        assertThat(options.listen()).isEmpty();
        assertThat(options.reconcileInterval()).isEqualTo(Duration.ofMillis(500));
        assertThat(options.leaseGrace()).isEqualTo(Duration.ofMinutes(2));
        assertThat(options.killAt()).contains(new FaultPoint("ADD", "link"));
    }

    @Test
    void allFaultsAreSaidAtOnce() {
        CommandLine.ParameterException e = catchThrowableOfType(
                CommandLine.ParameterException.class,
                () -> parse(
                        "--node-name= ",
                        "--manifests=/does/not/exist",
                        "--chain=port/map",
                        "--overlay=magic",
                        "--uplink=much-too-long-a-name",
                        "--vni=99999999",
                        "--vxlan-port=0",
                        "--mtu=12",
                        "--listen=localhost",
                        "--reconcile-interval=0s",
                        "--lease-grace=soon",
                        "--conflist-name=a/b",
                        "--kill-at=ADD"));
        assertThat(String.valueOf(e.getMessage()).lines())
                .hasSize(13)
                .anyMatch(l -> l.contains("/does/not/exist is no directory"))
                .anyMatch(l -> l.contains("'magic' is not vxlan, direct, auto or none"))
                .anyMatch(l -> l.contains("longer than 15 bytes"))
                .anyMatch(l -> l.contains("not ADDRESS:PORT"))
                .anyMatch(l -> l.contains("'soon' is no duration"));
    }
}
