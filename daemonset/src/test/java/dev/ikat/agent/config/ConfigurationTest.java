package dev.ikat.agent.config;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.agent.AgentMain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;

/** Settings by file, variable and option, and what can be wrong with a file of them. */
class ConfigurationTest {
    @TempDir
    private Path directory;

    private Path file;

    @BeforeEach
    void nameFile() {
        file = directory.resolve("config.yaml");
    }

    private void write(String text) throws IOException {
        Files.writeString(file, text);
    }

    private Configuration read(Map<String, String> environment, String... options) {
        List<String> arguments = Arrays.stream(options).collect(Collectors.toList());
        if (Files.exists(file)) {
            arguments.add("--config=" + file);
        }
        return AgentMain.configuration(
                AgentMain.commandLine().parseArgs(arguments.toArray(String[]::new)), environment);
    }

    /** What is wrong with a file of this text, without its name. */
    private List<String> faults(String text) throws IOException {
        write(text);
        return read(Map.of()).faults().stream()
                .map(fault -> fault.replace(file + ":", ""))
                .toList();
    }

    @ParameterizedTest
    @EnumSource(Setting.class)
    void everySettingHasAVariable(Setting setting) {
        String variable =
                "IKAT_" + setting.option().substring(2).toUpperCase(Locale.ROOT).replace('-', '_');
        Configuration configuration = read(Map.of(variable, " said "));

        assertThat(configuration.given(setting)).contains(new Configuration.Given("said", variable, false));
        assertThat(Arrays.stream(Setting.values())
                        .filter(other -> configuration.given(other).isPresent()))
                .containsExactly(setting);
    }

    @Test
    void emptyVariableSaysNothing() {
        assertThat(read(Map.of("IKAT_MTU", " ", "IKAT_VNI", "")).given(Setting.MTU))
                .isEmpty();
    }

    @Test
    void nodeNameIsAlsoThePodsOwnVariable() {
        assertThat(read(Map.of("NODE_NAME", "b")).text(Setting.NODE_NAME)).isEqualTo("b");
        assertThat(read(Map.of("NODE_NAME", "b", "IKAT_NODE_NAME", "a")).text(Setting.NODE_NAME))
                .isEqualTo("a");
    }

    @ParameterizedTest
    @CsvSource({
        "file, variable, option, option, --mtu",
        "file, variable, '', variable, IKAT_MTU",
        "file, '', option, option, --mtu",
        "'', variable, option, option, --mtu",
        "file, '', '', file, FILE:2:6: mtu",
        "'', variable, '', variable, IKAT_MTU",
        "'', '', option, option, --mtu",
        "'', '', '', default, ''"
    })
    void optionGoesBeforeVariableAndVariableBeforeFile(
            String inFile, String variable, String option, String holds, String place) throws IOException {
        Map<String, String> values = Map.of("file", "1401", "variable", "1402", "option", "1403", "default", "0");
        if (!inFile.isEmpty()) {
            write("# of a node\nmtu: " + values.get(inFile));
        }
        Configuration configuration = read(
                variable.isEmpty() ? Map.of() : Map.of("IKAT_MTU", String.valueOf(values.get(variable))),
                option.isEmpty() ? new String[0] : new String[] {"--mtu=" + values.get(option)});

        assertThat(configuration.faults()).isEmpty();
        assertThat(configuration.text(Setting.MTU)).isEqualTo(values.get(holds));
        assertThat(configuration
                        .given(Setting.MTU)
                        .map(Configuration.Given::place)
                        .orElse(""))
                .isEqualTo(place.replace("FILE", file.toString()));
    }

    @Test
    void fileCanBeNamedByVariableAndTheOptionGoesBeforeIt() throws IOException {
        Path other = Files.writeString(directory.resolve("other.yaml"), "mtu: 1500");
        assertThat(read(Map.of("IKAT_CONFIG", other.toString())).text(Setting.MTU))
                .isEqualTo("1500");
        write("mtu: 1400");
        assertThat(read(Map.of("IKAT_CONFIG", other.toString())).text(Setting.MTU))
                .isEqualTo("1400");
    }

    @Test
    void kindsAreTakenAsYamlHasThem() throws IOException {
        write("""
                node-name: 'a'
                chain: [portmap, "bandwidth"]
                masquerade: false
                vni: 7
                listen: 0
                drop-log-group: off
                pod-cidrs: []
                """);
        Configuration configuration = read(Map.of());

        assertThat(configuration.faults()).isEmpty();
        Map<Setting, String> texts = new EnumMap<>(Setting.class);
        for (Setting setting : Setting.values()) {
            configuration.given(setting).ifPresent(given -> texts.put(setting, given.text()));
        }
        assertThat(texts)
                .isEqualTo(Map.of(
                        Setting.NODE_NAME, "a",
                        Setting.CHAIN, "portmap,bandwidth",
                        Setting.MASQUERADE, "false",
                        Setting.VNI, "7",
                        Setting.LISTEN, "0",
                        Setting.DROP_LOG_GROUP, "off",
                        Setting.POD_CIDRS, ""));
    }

    @Test
    void fileOfCommentsSaysNothing() throws IOException {
        assertThat(faults("")).isEmpty();
        assertThat(faults("# nothing\n---\n# yet\n")).isEmpty();
    }

    @Test
    void unknownSettingIsToldWithTheOneThatWasPerhapsMeant() throws IOException {
        assertThat(faults("mtu: 1400\nvxlan-prot: 8472\nKind: Config\n"))
                .containsExactly(
                        "2:1: unknown setting 'vxlan-prot'; did you mean 'vxlan-port'?",
                        "3:1: unknown setting 'Kind'; did you mean 'vni'?");
        assertThat(faults("something-else-entirely: 1"))
                .containsExactly("1:1: unknown setting 'something-else-entirely'; 'ikat-agent --help' lists them all");
    }

    @Test
    void settingThatIsThereTwiceIsAFault() throws IOException {
        assertThat(faults("mtu: 1400\nvni: 1\nmtu: 1500\n")).containsExactly("3:1: mtu is set twice");
        assertThat(read(Map.of()).text(Setting.MTU)).isEqualTo("1400");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mtu: many        | 1:6: mtu: has to be a whole number, but is the text 'many'",
                "mtu: 1.5         | 1:6: mtu: has to be a whole number, but is 1.5",
                "mtu: '1400'      | 1:6: mtu: has to be a whole number, but is the text '1400'",
                "mtu:             | 1:5: mtu: has to be a whole number, but is empty",
                "mtu: null        | 1:6: mtu: has to be a whole number, but is null",
                "mtu: [1400]      | 1:6: mtu: has to be a whole number, but is a list",
                "masquerade: yes  | 1:13: masquerade: has to be true or false, but is the text 'yes'",
                "node-name: 7     | 1:12: node-name: has to be a text, but is 7",
                "node-name: true  | 1:12: node-name: has to be a text, but is true",
                "listen: {a: 1}   | 1:9: listen: has to be a text or whole number, but is a mapping",
                "chain: portmap   | 1:8: chain: has to be a list of texts, but is the text 'portmap'",
                "'chain: [a, 1]'  | 1:8: chain: has to be a list of texts, but is a list",
                "'chain: [\"a,b\"]' | 1:8: chain: has to be a list of texts, but is a list"
            })
    void valueOfAnotherKindIsAFaultWithItsPlace(String text, String fault) throws IOException {
        assertThat(faults(text)).containsExactly(fault);
    }

    @Test
    void fileThatIsNoMappingIsAFault() throws IOException {
        assertThat(faults("- mtu: 1")).containsExactly("1:1: has to be a mapping of settings to values, but is a list");
        assertThat(faults("\n  mtu"))
                .containsExactly("2:3: has to be a mapping of settings to values, but is the text 'mtu'");
    }

    @Test
    void fileThatIsNoYamlIsAFaultWithItsPlace() throws IOException {
        assertThat(faults("mtu: 1\n  vni: [2\nx: 3\n"))
                .singleElement()
                .asString()
                .matches("\\d+:\\d+: is not YAML: .+");
        assertThat(faults("mtu: 1\n---\nvni: 2\n")).singleElement().asString().matches("\\d+:\\d+: is not YAML: .+");
    }

    @Test
    void fileThatCanNotBeReadIsAFault() throws IOException {
        Files.write(file, "node-name: caf\u00e9".getBytes(ISO_8859_1));
        assertThat(read(Map.of()).faults()).containsExactly("--config: " + file + " is not UTF-8 text");
        Files.delete(file);
        assertThat(read(Map.of(), "--config=" + file).faults()).containsExactly("--config: there is no file " + file);
    }

    @Test
    void fileThatCanNotBeReadIsTheOnlyFaultOfWhatMayBeInIt() throws IOException {
        write("node-name: a\nmanifests: '" + directory + "'\n vni: [\n");

        assertThat(refused(Map.of()))
                .singleElement()
                .asString()
                .startsWith(file + ":3:")
                .contains("is not YAML");
        Files.delete(file);
        assertThat(refused(Map.of(), "--config=" + file)).containsExactly("--config: there is no file " + file);
    }

    private List<String> refused(Map<String, String> environment, String... options) {
        return catchThrowableOfType(
                        InvalidConfigurationException.class, () -> AgentOptionsReader.read(read(environment, options)))
                .faults();
    }

    private List<String> refusedOf(String... options) {
        List<String> all = Stream.concat(Stream.of("--manifests=" + directory), Stream.of(options))
                .toList();
        return refused(Map.of("NODE_NAME", "a"), all.toArray(String[]::new));
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.0/8", "127.0.0.1/32", "::1/128"})
    void nodePortsCanNotBeServedAtLoopback(String block) {
        assertThat(refusedOf("--node-port-addresses=" + block))
                .containsExactly("--node-port-addresses: node ports can't be served at the loopback addresses of "
                        + block + ": answers to these come from other links; use an InternalIP of the node");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Node-1", "node_1", "-node", "node.", "a..b", "node 1"})
    void nodeNameIsOneThatAKubernetesNodeCanHave(String name) {
        assertThat(refusedOf("--node-name=" + name))
                .containsExactly("--node-name: invalid name '" + name
                        + "': it has to be 1 to 253 lower case letters, digits, '-' and '.', starting and ending with"
                        + " a letter or digit, as the Node object's name");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "bridge     | that plugin creates an interface, so it can't follow Ikat",
                "host-local | that plugin assigns addresses, so it can't follow Ikat",
                "portmapp   | did you mean 'portmap'?",
                "bandwith   | did you mean 'bandwidth'?",
                "ikat       | it is not the type of a plugin that can follow Ikat"
            })
    void pluginThatCanNotFollowIsRefused(String type, String reason) {
        assertThat(refusedOf("--chain=portmap," + type))
                .containsExactly("--chain: '" + type + "' is invalid: " + reason);
    }

    @Test
    void pluginsOfOthersCanFollow() {
        AgentOptions options = AgentOptionsReader.read(
                read(Map.of(), "--node-name=a", "--manifests=" + directory, "--chain=tuning,istio-cni,linkerd-cni"));

        assertThat(options.chain())
                .extracting(ChainedPlugin::type)
                .containsExactly("tuning", "istio-cni", "linkerd-cni");
    }

    @Test
    void unknownVariableIsToldWithTheOneThatWasPerhapsMeant() {
        assertThat(read(Map.of("IKAT_VXLAN_PROT", "1", "IKAT_SOMETHING_ELSE_ENTIRELY", "", "IKATX", "1"))
                        .faults())
                .containsExactly(
                        "IKAT_SOMETHING_ELSE_ENTIRELY: unknown variable; unset it; 'ikat-agent --help' lists all settings",
                        "IKAT_VXLAN_PROT: unknown variable; did you mean 'IKAT_VXLAN_PORT'?");
    }

    /** A Service named ikat in the agent's namespace has Kubernetes set these. */
    @Test
    void variablesOfAServiceAreNobodysMistake() {
        assertThat(read(Map.of(
                                "IKAT_SERVICE_HOST", "10.0.0.1",
                                "IKAT_SERVICE_PORT", "9474",
                                "IKAT_PORT", "tcp://10.0.0.1:9474",
                                "IKAT_PORT_9474_TCP_ADDR", "10.0.0.1",
                                "IKAT_PROC_SYS", "/host/proc/sys",
                                "IKAT_JAVA_OPTIONS", "-Xmx1g"))
                        .faults())
                .isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void everyLevelCanBeLogged(Level level) {
        AgentOptions options = AgentOptionsReader.read(read(
                Map.of(),
                "--node-name=a",
                "--manifests=" + directory,
                "--log-level=" + level.name().toLowerCase(Locale.ROOT)));

        assertThat(options.log().level()).isEqualTo(level);
        assertThat(refusedOf("--log-level=all"))
                .containsExactly("--log-level: 'all' is invalid: it has to be trace, debug, info, warn or error");
    }

    @Test
    void faultsOfFileVariablesAndOptionsAreSaidTogetherEachWithItsPlace() throws IOException {
        write("node-name: a\nvni: -1\nmtu: many\nfoo: 1\n");

        InvalidConfigurationException e = catchThrowableOfType(
                InvalidConfigurationException.class,
                () -> AgentOptionsReader.read(read(
                        Map.of("IKAT_OVERLAY", "magic", "IKAT_MANIFESTS", directory.toString()),
                        "--lease-grace=soon")));

        assertThat(e.faults())
                .containsExactlyInAnyOrder(
                        file + ":3:6: mtu: has to be a whole number, but is the text 'many'",
                        file + ":4:1: unknown setting 'foo'; did you mean 'vni'?",
                        file + ":2:6: vni: -1 is invalid: it has to be 0 to 16777215",
                        "IKAT_OVERLAY: 'magic' is invalid: it has to be vxlan, direct, auto, bgp or none",
                        "--lease-grace: 'soon' is invalid: it has to be a duration such as 60s");
    }
}
