package dev.ikat.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChainedPluginTest {
    private static final String TUNING = "{\"type\": \"tuning\", \"sysctl\": {\"a\": \"x,}y\"}, \"list\": [1, 2]}";

    @TempDir
    private Path directory;

    private AgentOptions options(String yaml) throws IOException {
        Path file = Files.writeString(directory.resolve("config.yaml"), yaml);
        return AgentOptionsReader.read(Configuration.of(
                Map.of(), Map.of("NODE_NAME", "a", "IKAT_MANIFESTS", directory.toString()), Optional.of(file)));
    }

    @Test
    void elementIsATypeOrAnObjectOrTheObjectOfAFile() throws IOException {
        Path object = Files.writeString(directory.resolve("mesh.json"), "\n{\"type\": \"mesh\", \"mtu\": 1}\n");
        List<ChainedPlugin> expected = List.of(
                ChainedPlugin.of("portmap"),
                new ChainedPlugin(
                        "tuning",
                        TUNING.replace(": ", ":").replace(", \"", ",\"").replace("1, 2", "1,2"),
                        false),
                new ChainedPlugin("mesh", "{\"type\":\"mesh\",\"mtu\":1}", false));

        assertThat(options("chain: [portmap, '" + TUNING + "', '@" + object + "']")
                        .chain())
                .isEqualTo(expected);
        Map<Setting, String> commandLine = Map.of(
                Setting.NODE_NAME,
                "a",
                Setting.MANIFESTS,
                directory.toString(),
                Setting.CHAIN,
                "portmap," + TUNING + ",@" + object);
        assertThat(AgentOptionsReader.read(Configuration.of(commandLine, Map.of(), Optional.empty()))
                        .chain())
                .isEqualTo(expected);
    }

    @Test
    void typeWithAQuestionMarkIsOptional() {
        assertThat(ChainedPlugin.parse("portmap?"))
                .isEqualTo(
                        new ChainedPlugin("portmap", ChainedPlugin.of("portmap").configuration(), true));
    }

    @Test
    void whatIsPrintedMeansTheSame() throws IOException {
        Path file = Files.writeString(directory.resolve("config.yaml"), "chain: [portmap, '" + TUNING + "']");
        Configuration configuration = Configuration.of(Map.of(), Map.of(), Optional.of(file));
        Files.writeString(file, configuration.toYaml());
        assertThat(Configuration.of(Map.of(), Map.of(), Optional.of(file)).text(Setting.CHAIN))
                .isEqualTo(configuration.text(Setting.CHAIN));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            port/map                        | 'port/map' is invalid: it is not the type of a plugin that can follow Ikat
            ikat                            | 'ikat' is invalid: it is not the type of a plugin that can follow Ikat
            {"type": "ikat"}                | '{"type": "ikat"}' is invalid: it is not the type of a plugin
            {"sysctl": {}}                  | has to be a JSON object with the plugin's 'type'
            {"type": "a"                    | is invalid: it is not JSON
            {"type": "a"} x                 | is invalid: it is not JSON
            {"type": "a", "type": "b"}      | is invalid: it is not JSON
            @/does/not/exist                | the file /does/not/exist can't be read
            """)
    void whatIsNoPluginIsAFault(String element, String fault) {
        assertThatThrownBy(() -> ChainedPlugin.parse(element))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(fault);
    }

    @Test
    void faultHasItsPlace() {
        assertThatThrownBy(() -> options("chain: [portmap, '{\"type\": 1}']"))
                .isInstanceOf(InvalidConfigurationException.class)
                .hasMessageContaining("config.yaml:1:8: chain: '{\"type\": 1}' is invalid");
    }
}
