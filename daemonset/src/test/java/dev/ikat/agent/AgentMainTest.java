package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.AgentOptionsReader;
import dev.ikat.agent.config.ChainedPlugin;
import dev.ikat.agent.config.FaultPoint;
import dev.ikat.agent.config.InvalidConfigurationException;
import dev.ikat.agent.config.Listen;
import dev.ikat.agent.config.Setting;
import dev.ikat.agent.log.PrintableWriter;
import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.agent.status.StatusText;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AgentMainTest {
    @TempDir
    private Path manifests;

    private static AgentOptions parse(String... arguments) {
        return AgentOptionsReader.read(
                AgentMain.configuration(AgentMain.commandLine().parseArgs(arguments), Map.of()));
    }

    private static String run(int exitCode, String... arguments) {
        StringWriter out = new StringWriter();
        PrintWriter writer = new PrintWriter(out);
        assertThat(AgentMain.commandLine().setOut(writer).setErr(writer).execute(arguments))
                .isEqualTo(exitCode);
        return out.toString();
    }

    @Test
    void defaultsNeedOnlyNameAndManifests() {
        AgentOptions options = parse("--node-name=a", "--manifests=" + manifests, "--run-dir=/run/ikat");
        assertThat(options.nodeName()).isEqualTo("a");
        assertThat(options.overlay().mode()).isEqualTo(OverlayMode.VXLAN);
        assertThat(options.overlay().port()).isEqualTo(8472);
        assertThat(options.masquerade()).isTrue();
        assertThat(options.listen())
                .isEqualTo(new Listen.At(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 9474)));
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
        assertThat(options.chain()).extracting(ChainedPlugin::type).containsExactly("portmap", "bandwidth");
        assertThat(options.keepChained()).isTrue();
        assertThat(options.overlay().mode()).isEqualTo(OverlayMode.AUTO);
        assertThat(options.uplink()).map(Object::toString).contains("eth1");
        assertThat(options.masquerade()).isFalse();
        assertThat(options.listen()).isEqualTo(new Listen.Nowhere());
        assertThat(options.reconcileInterval()).isEqualTo(Duration.ofMillis(500));
        assertThat(options.leaseGrace()).isEqualTo(Duration.ofMinutes(2));
        assertThat(options.killAt()).contains(new FaultPoint("ADD", "link"));
    }

    @Test
    void allFaultsAreSaidAtOnce() {
        InvalidConfigurationException e = catchThrowableOfType(
                InvalidConfigurationException.class,
                () -> parse(
                        "--node-name= ",
                        "--manifests=/does/not/exist",
                        "--chain=port/map",
                        "--overlay=magic",
                        "--uplink=much-too-long-a-name",
                        "--load-balancer-interfaces=eth*,e*0",
                        "--vni=99999999",
                        "--vxlan-port=0",
                        "--mtu=12",
                        "--listen=localhost",
                        "--reconcile-interval=0s",
                        "--lease-grace=soon",
                        "--conflist-name=a/b",
                        "--masquerade=perhaps",
                        "--request-threads=many",
                        "--ebpf-table-limits=members=5,tables=9",
                        "--kill-at=ADD"));
        assertThat(e.faults())
                .hasSize(17)
                .anyMatch(l -> l.contains("/does/not/exist is not a directory"))
                .anyMatch(l -> l.contains("'magic' is invalid: it has to be vxlan, direct, auto, bgp or none"))
                .anyMatch(l -> l.contains("longer than 15 bytes"))
                .anyMatch(l -> l.contains("'e*0' is invalid: an asterisk can only be at its end"))
                .anyMatch(l -> l.contains("it has to be ADDRESS:PORT"))
                .anyMatch(l -> l.contains("'soon' is invalid: it has to be a duration"))
                .anyMatch(l -> l.contains("'tables=9' is invalid: it has to be TABLE=NUMBER")
                        && l.contains("frontends, interfaces"));
    }

    @Test
    void terminalGetsNoControlCharactersOfOthers() {
        StringWriter terminal = new StringWriter();
        new PrintWriter(new PrintableWriter(terminal))
                .println("--uplink: '\u001b[2Jeth0\u202e\u0000\r' is longer\tthan ü 15 \ud83d\ude00");
        assertThat(terminal).hasToString("""
                --uplink: '\\u001b[2Jeth0\\u202e\\u0000\\u000d' is longer\tthan ü 15 \ud83d\ude00
                """);
    }

    @Test
    void statusHasOneLineForAFactWhateverItSays() throws IOException {
        String answer = """
                {"node": "a\\u001b[2J", "ready": false, "waitingFor": ["pods: x\\nready     yes\\u2028"],
                 "recentErrors": [{"at": "now", "in": "ADD \\u0000", "error": "\\u202eab", "times": 1}]}
                """;
        assertThat(StatusText.of(answer.getBytes(StandardCharsets.UTF_8)))
                .contains("node      a\\u001b[2J\n")
                .contains("          waits for pods: x | ready     yes\\u2028\n")
                .contains("          now ADD \\u0000: \\u202eab\n")
                .matches("[\\x20-\\x7e\\n]*");
    }

    @Test
    void checkSaysThatAllIsWellAndStartsNothing() {
        assertThat(run(0, "--check", "--node-name=a", "--manifests=" + manifests))
                .isEqualTo("""
                        ikat-agent: all settings are valid
                        """);
    }

    @Test
    void checkSaysEveryFaultAndExitsWith2() {
        assertThat(run(2, "--check", "--node-name=a", "--manifests=" + manifests, "--vni=-1", "--mtu=9"))
                .isEqualTo("""
                        --mtu: 9 is invalid: it has to be 576 to 65535, or 0
                        --vni: -1 is invalid: it has to be 0 to 16777215
                        ikat-agent: nothing was started; 'ikat-agent --help' describes the settings
                        """);
    }

    @Test
    void printedConfigurationIsAFileThatSaysTheSame() throws IOException {
        String[] arguments = {
            "--node-name=0x10",
            "--manifests=" + manifests,
            "--chain=portmap,bandwidth",
            "--mtu=1400",
            "--masquerade=FALSE",
            "--drop-log-group=off",
            "--listen=[::1]:9474",
            "--policy-wait=PT3S"
        };
        List<String> printing = new ArrayList<>(List.of(arguments));
        printing.add("--print-config");
        String printed = run(0, printing.toArray(String[]::new));
        Path file = Files.writeString(manifests.resolve("config.yaml"), printed);
        assertThat(parse("--config=" + file)).isEqualTo(parse(arguments));
        assertThat(printed.lines())
                .contains(
                        "mtu: 1400 # --mtu",
                        "vni: 4796 # default",
                        "# uplink is not set",
                        "chain: [portmap, bandwidth] # --chain")
                .noneMatch(line -> line.contains("kill-at"));
    }

    @Test
    void helpNamesEverySettingOnce() {
        String help = run(0, "--help");
        assertThat(Setting.documented())
                .allSatisfy(setting -> assertThat(help).containsOnlyOnce("  " + setting.option() + "="));
    }

    @Test
    void documentationHasTheTableOfSettings() throws IOException {
        String rows = Setting.documented().stream()
                .map(setting -> "| `" + setting.key() + "` | "
                        + (setting.otherwise().isEmpty() ? "" : "`" + setting.otherwise() + "`") + " | "
                        + (setting.paramLabel().contains("|")
                                ? "`" + setting.paramLabel().replace("|", "`, `") + "`. "
                                : "")
                        + setting.meaning() + " |\n")
                .collect(Collectors.joining());
        assertThat(Files.readString(Path.of("../docs/configuration.md")))
                .contains("| setting | default | meaning |\n|---|---|---|\n" + rows + "\n");
    }
}
