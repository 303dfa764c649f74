package dev.ikat.agent.cni;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.config.ChainedPlugin;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ConflistTest {
    @TempDir
    private Path directory;

    private Conflist conflist(String... chain) {
        return conflist(true, chain);
    }

    private Conflist conflist(boolean keepChained, String... chain) {
        return new Conflist(
                directory,
                "10-ikat.conflist",
                Stream.of(chain).map(ConflistTest::plugin).toList(),
                keepChained,
                new PluginPrograms(List.of(directory.resolve("bin"))));
    }

    private static ChainedPlugin plugin(String text) {
        return text.startsWith("{")
                ? new ChainedPlugin("tuning", text, false)
                : new ChainedPlugin(
                        text.replace("?", ""),
                        ChainedPlugin.of(text.replace("?", "")).configuration(),
                        text.endsWith("?"));
    }

    private void install(String program) throws IOException {
        Path file = Files.createDirectories(directory.resolve("bin")).resolve(program);
        Files.writeString(file, "a program");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** One that answers VERSION. */
    private void install(String program, String... versions) throws IOException {
        install(program);
        Files.writeString(
                directory.resolve("bin").resolve(program),
                "#!/bin/sh\n[ \"$CNI_COMMAND\" = VERSION ] || exit 1\ncat >/dev/null\n"
                        + "echo '{\"cniVersion\": \"1.0.0\", \"supportedVersions\": [\""
                        + String.join("\", \"", versions) + "\"]}'\n");
    }

    /** What runtimes with libcni 1.2 may choose of; empty for what cniVersion says alone. */
    private List<String> offered() throws IOException {
        List<String> versions = new ArrayList<>();
        read().path("cniVersions").forEach(version -> versions.add(version.asText()));
        return versions;
    }

    /** The file as it is, from now on. */
    private void write(String text) throws IOException {
        Files.writeString(directory.resolve("10-ikat.conflist"), text);
    }

    private JsonNode read() throws IOException {
        return new ObjectMapper().readTree(directory.resolve("10-ikat.conflist").toFile());
    }

    /** The types of the file's plugins. */
    private List<String> plugins() {
        return conflist().plugins();
    }

    @Test
    void chainedPluginsGetTheCapabilitiesTheyNeed() {
        String text = new String(conflist("portmap", "bandwidth", "tuning").content(), StandardCharsets.UTF_8);
        assertThat(text.replaceAll("\\s", ""))
                .isEqualTo("{\"cniVersion\":\"1.0.0\",\"name\":\"ikat\",\"plugins\":["
                        + "{\"type\":\"ikat\",\"capabilities\":{\"ips\":true}},"
                        + "{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},"
                        + "{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}},"
                        + "{\"type\":\"tuning\"}],\"dev.ikat/chain\":[\"portmap\",\"bandwidth\",\"tuning\"]}");
    }

    @Test
    void fileIsReadableByAllAndWrittenOnlyWhereItDiffers() throws IOException {
        Conflist conflist = new Conflist(
                directory.resolve("net.d"), "10-ikat.conflist", List.of(), true, new PluginPrograms(List.of()));
        assertThat(conflist.write()).isEqualTo(Conflist.Found.MISSING);
        assertThat(conflist.write()).isEqualTo(Conflist.Found.IN_ORDER);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(conflist.file())))
                .isEqualTo("rw-r--r--");
        Files.writeString(conflist.file(), "{}");
        assertThat(conflist.write()).isEqualTo(Conflist.Found.DIFFERENT);
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
        try (Stream<Path> files = Files.list(directory.resolve("net.d"))) {
            assertThat(files).containsExactly(conflist.file());
        }
    }

    @Test
    void newestVersionIsOfferedWhileEveryPluginSupportsIt() throws IOException {
        install("portmap", "0.4.0", "1.0.0", "1.1.0");
        install("bandwidth", "0.4.0", "1.0.0");
        Conflist conflist = conflist("portmap");
        conflist.write();
        assertThat(offered()).containsExactly("1.0.0", "1.1.0");
        assertThat(read().path("cniVersion").asText()).isEqualTo("1.0.0");
        assertThat(conflist.write()).isEqualTo(Conflist.Found.IN_ORDER);

        // Somebody chains one that is older.
        ObjectNode list = (ObjectNode) read();
        ((ArrayNode) list.path("plugins")).addObject().put("type", "bandwidth");
        write(list.toString());
        conflist.write();
        assertThat(offered()).isEmpty();
        assertThat(plugins()).containsExactly("ikat", "portmap", "bandwidth");

        install("bandwidth", "1.0.0", "1.1.0");
        conflist.write();
        assertThat(offered()).as("it was replaced").containsExactly("1.0.0", "1.1.0");
    }

    @Test
    void pluginThatCannotBeAskedIsCalledByTheOldVersion() throws IOException {
        install("portmap");
        conflist("portmap").write();
        assertThat(offered()).isEmpty();
    }

    @Test
    void pluginInTheNetworksDirectoryHasToSupportTheNewestVersionToo() throws IOException {
        install("tuning", "1.0.0");
        Path drop = Files.createDirectories(directory.resolve("ikat")).resolve("50-tuning.conf");
        Files.writeString(drop, "{\"type\": \"tuning\"}");
        Conflist conflist = conflist();
        conflist.write();
        assertThat(offered()).isEmpty();

        Files.delete(drop);
        conflist.write();
        assertThat(offered()).containsExactly("1.0.0", "1.1.0");
    }

    @Test
    void versionsThatSomebodyElseHasChosenStay() throws IOException {
        Conflist conflist = conflist();
        conflist.write();
        ObjectNode list = (ObjectNode) read();
        list.putArray("cniVersions").add("0.4.0").add("1.0.0");
        write(list.toString());
        assertThat(conflist.write()).isEqualTo(Conflist.Found.IN_ORDER);
        assertThat(offered()).containsExactly("0.4.0", "1.0.0");
    }

    @Test
    void emptiedFileIsWrittenAgain() throws IOException {
        Conflist conflist = conflist();
        conflist.write();
        Files.writeString(conflist.file(), "");
        assertThat(conflist.write()).isEqualTo(Conflist.Found.EMPTY);
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
    }

    @Test
    void pluginsThatOthersAppendedStay() throws IOException {
        Conflist conflist = conflist("portmap");
        ObjectMapper json = new ObjectMapper();
        ObjectNode list = (ObjectNode) json.readTree(conflist.content());
        ((ArrayNode) list.get("plugins")).addObject().put("type", "istio-cni").put("log_level", "info");
        Files.write(conflist.file(), json.writeValueAsBytes(list));
        assertThat(conflist.write()).isEqualTo(Conflist.Found.IN_ORDER);

        // But Ikat's own part is to be as it was written.
        ((ObjectNode) list.get("plugins").get(0)).put("type", "bridge");
        Files.write(conflist.file(), json.writeValueAsBytes(list));
        assertThat(conflist.write()).isEqualTo(Conflist.Found.DIFFERENT);
    }

    @Test
    void linksAreReplacedAndNotFollowed() throws IOException {
        Path victim = Files.writeString(directory.resolve("victim"), "as it was");
        Conflist conflist = new Conflist(
                directory.resolve("net.d"), "10-ikat.conflist", List.of(), true, new PluginPrograms(List.of()));
        Files.createDirectory(directory.resolve("net.d"));
        Files.createSymbolicLink(directory.resolve("net.d/.10-ikat.conflist.new"), victim);
        Files.createSymbolicLink(conflist.file(), victim);

        conflist.write();

        assertThat(victim).hasContent("as it was");
        assertThat(Files.isSymbolicLink(conflist.file())).isFalse();
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
    }

    private static final String OWN = "{\"type\": \"ikat\", \"capabilities\": {\"ips\": true}}";
    private static final String PORTMAP = "{\"type\": \"portmap\", \"capabilities\": {\"portMappings\": true}}";
    private static final String MESH = "{\"type\": \"istio-cni\", \"kubernetes\": {\"exclude_namespaces\": [\"a\"]}}";

    private static String list(String fields, String... plugins) {
        return "{" + fields + "\"plugins\": [" + String.join(", ", plugins) + "], \"cniVersion\": \"1.1.0\", "
                + "\"name\": \"ikat\"}";
    }

    static Stream<Arguments> othersChanges() {
        String mark = "\"dev.ikat/chain\": [\"portmap\"], ";
        return Stream.of(
                Arguments.of("a plugin behind", list(mark, OWN, PORTMAP, MESH)),
                Arguments.of("a plugin in between", list(mark, OWN, MESH, PORTMAP)),
                Arguments.of("a plugin before that makes no interface", list(mark, MESH, OWN, PORTMAP)),
                Arguments.of(
                        "fields of the list",
                        list(mark + "\"disableCheck\": true, \"loadOnlyInlinedPlugins\": true, ", OWN, PORTMAP)),
                Arguments.of(
                        "more of a chained plugin",
                        list(
                                mark,
                                OWN,
                                "{\"snat\": true, \"type\": \"portmap\", \"capabilities\": {\"portMappings\": true}}")),
                Arguments.of(
                        "order of keys and spaces", list(mark, OWN, PORTMAP).replace(": ", "  :\n")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("othersChanges")
    void othersChangesStayAsTheyAreUnlessTheyMayNot(String name, String text) throws IOException {
        write(text);
        assertThat(conflist("portmap").write()).as(name).isEqualTo(Conflist.Found.IN_ORDER);
        assertThat(directory.resolve("10-ikat.conflist")).hasContent(text);

        if (!name.startsWith("order")) {
            assertThat(conflist(false, "portmap").write()).as(name).isEqualTo(Conflist.Found.DIFFERENT);
            assertThat(Files.readAllBytes(directory.resolve("10-ikat.conflist")))
                    .isEqualTo(conflist("portmap").content());
        }
    }

    @Test
    void othersPluginsStayWhereIkatsEntryIsMended() throws IOException {
        write(list("\"disableCheck\": true, ", "{\"type\": \"ikat\", \"mtu\": 9000}", MESH));
        assertThat(conflist().write()).isEqualTo(Conflist.Found.DIFFERENT);
        assertThat(read()).isEqualTo(new ObjectMapper().readTree(list("\"disableCheck\": true, ", OWN, MESH)));
        assertThat(conflist().write()).isEqualTo(Conflist.Found.IN_ORDER);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"type": "bridge"}                     | an interface is made in Ikat's place
            {"type": "flannel"}, {"type": "ikat"}  | an interface is made before Ikat's
            {"type": "ikat"}, {"type": "ikat"}     | Ikat is called twice
            {"nothing": 1}, {"type": "ikat"}       | there is what is no plugin
            """)
    void whatKeepsIkatFromMakingTheInterfaceGoes(String damaged, String why) throws IOException {
        write(list("", damaged, MESH));
        assertThat(conflist().write()).as(why).isEqualTo(Conflist.Found.DIFFERENT);
        assertThat(plugins()).containsExactly("ikat", "istio-cni");
    }

    @Test
    void agentWithAnotherChainReplacesItsOwnPluginsAndKeepsTheOthers() throws IOException {
        conflist("portmap", "bandwidth").write();
        ObjectNode list = (ObjectNode) read();
        ((ArrayNode) list.get("plugins")).add(new ObjectMapper().readTree(MESH));
        write(list.toString());

        conflist("{\"type\": \"tuning\", \"mtu\": 1}", "portmap").write();
        assertThat(plugins()).containsExactly("ikat", "tuning", "portmap", "istio-cni");
        conflist("{\"type\": \"tuning\", \"mtu\": 2}").write();
        assertThat(plugins()).containsExactly("ikat", "tuning", "istio-cni");
        assertThat(read().path("plugins").path(1).path("mtu").asInt()).isEqualTo(2);
        assertThat(conflist("{\"type\": \"tuning\", \"mtu\": 2}").others()).containsExactly("istio-cni");
        conflist().write();
        assertThat(plugins()).containsExactly("ikat", "istio-cni");
        assertThat(read().has("dev.ikat/chain")).isFalse();
    }

    @Test
    void listThatRuntimesCantReadAnyMoreIsMended() throws IOException {
        write(list("", OWN, MESH).replace("1.1.0", "9").replace("\"ikat\"}", "\"other\"}"));
        assertThat(conflist().write()).isEqualTo(Conflist.Found.DIFFERENT);
        assertThat(read().path("cniVersion").asText()).isEqualTo("1.0.0");
        assertThat(read().path("name").asText()).isEqualTo("ikat");
        assertThat(plugins()).containsExactly("ikat", "istio-cni");
    }

    @Test
    void pluginsInTheNetworksDirectoryAreKnownUnlessTheListExcludesThem() throws IOException {
        Path drop = Files.createDirectory(directory.resolve("ikat")).resolve("50-mesh.conf");
        Files.writeString(drop, MESH);
        Files.writeString(directory.resolve("ikat/60-none.conf"), "{");
        Files.writeString(directory.resolve("ikat/README"), "no plugin");
        conflist().write();

        assertThat(conflist().drops())
                .containsExactly(
                        new Conflist.Drop(drop, "istio-cni"),
                        new Conflist.Drop(directory.resolve("ikat/60-none.conf"), ""));
        assertThat(conflist().write()).isEqualTo(Conflist.Found.IN_ORDER);

        write(list("\"loadOnlyInlinedPlugins\": true, ", OWN));
        assertThat(conflist().drops()).isEmpty();
    }

    @Test
    void pluginThatIsNotInstalledIsNamedWithItsPackageWhoeverHasChainedIt() throws IOException {
        write(list("", OWN, MESH));
        Files.writeString(Files.createDirectory(directory.resolve("ikat")).resolve("50.conf"), "{\"type\": \"drop\"}");
        Path bin = directory.resolve("bin");
        assertThat(conflist("portmap", "bandwidth?").missing())
                .containsExactly(
                        new ConflistFault(
                                ConflistFault.Cause.PLUGIN_MISSING,
                                "plugin portmap is not in " + bin + ", so no pod starts; install the package"
                                        + " containernetworking-plugins, and put its portmap there, or correct"
                                        + " --cni-bin-dir, or take it out of --chain"),
                        new ConflistFault(
                                ConflistFault.Cause.PLUGIN_LEFT_OUT,
                                "plugin bandwidth is not in " + bin + ", so pods go without it; install the package"
                                        + " containernetworking-plugins, and put its bandwidth there, or correct"
                                        + " --cni-bin-dir"),
                        new ConflistFault(
                                ConflistFault.Cause.PLUGIN_MISSING,
                                "plugin istio-cni is not in " + bin + ", so no pod starts; install it there, or"
                                        + " correct --cni-bin-dir, or take it out of "
                                        + directory.resolve("10-ikat.conflist") + ", where others have put it"),
                        new ConflistFault(
                                ConflistFault.Cause.PLUGIN_MISSING,
                                "plugin drop is not in " + bin + ", so no pod starts; install it there, or correct"
                                        + " --cni-bin-dir, or take it out of " + directory.resolve("ikat/50.conf")
                                        + ", where others have put it"));

        for (String program : List.of("portmap", "bandwidth", "istio-cni")) {
            install(program);
        }
        // To where only the host sees something.
        Files.createSymbolicLink(bin.resolve("drop"), Path.of("/somewhere/else"));
        assertThat(conflist("portmap", "bandwidth?").missing()).isEmpty();
    }

    @Test
    void optionalPluginIsChainedWhileItIsInstalled() throws IOException {
        conflist("portmap?").write();
        assertThat(plugins()).containsExactly("ikat");
        install("portmap");
        conflist("portmap?").write();
        assertThat(plugins()).containsExactly("ikat", "portmap");
        Files.delete(directory.resolve("bin/portmap"));
        conflist("portmap?").write();
        assertThat(plugins()).containsExactly("ikat");
    }
}
