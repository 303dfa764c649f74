package dev.ikat.agent.cni;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OtherConfigurationsTest {
    private static final String FLANNEL = """
            {"name": "cbr0", "plugins": [{"type": "flannel"}, {"type": "portmap"}]}""";

    @TempDir
    private Path directory;

    private Path write(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private List<ConflistFault> faults() {
        return new OtherConfigurations(directory.resolve("10-ikat.conflist")).faults();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            10-flannel.conflist | {"name": "cbr0", "plugins": [{"type": "flannel"}]} | network 'cbr0' of the plugin flannel
            05-cilium.conf      | {"name": "cilium", "type": "cilium-cni"}           | network 'cilium' of the plugin cilium-cni
            .hidden.json        | {"name": "x", "type": "bridge"}                    | network 'x' of the plugin bridge
            00-broken.conflist  | {"name": "x",                                      | so that containerd starts no pod
            """)
    void fileThatRuntimesReadFirstIsNamedWithTheCommand(String name, String text, String what) throws IOException {
        Path file = write(name, text);
        assertThat(faults())
                .singleElement()
                .returns(ConflistFault.Cause.READ_FIRST, ConflistFault::cause)
                .extracting(ConflistFault::text)
                .asString()
                .contains(what)
                .endsWith("mv " + file + " " + file + ".disabled");
        assertThat(file).hasContent(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10-j.conflist", "87-podman.conflist", "05-old.conflist.disabled", "00-conf", "05.yaml"})
    void whatRuntimesReadLaterOrNotAtAllIsNobodysConcern(String name) throws IOException {
        write(name, FLANNEL);
        write("10-ikat.conflist", "{}");
        assertThat(faults()).isEmpty();
    }

    @Test
    void directoryIsNoConfiguration() throws IOException {
        Files.createDirectory(directory.resolve("00-plugins.conf"));
        assertThat(faults()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"plugins\": [{\"type\": \"ikat\"}, {\"type\": \"istio-cni\"}]}",
                "{\"type\": \"multus\", \"delegates\": [{\"plugins\": [{\"type\": \"ikat\"}]}]}",
                "{\"type\": \"multus-shim\", \"clusterNetwork\": \"/host/etc/cni/net.d/10-ikat.conflist\"}",
                "{\"type\": \"multus\", \"clusterNetwork\": \"ikat\"}",
            })
    void fileThatHasIkatCalledAllTheSameIsInOrderAndHidesTheOthers(String text) throws IOException {
        write("00-first.conf", text);
        write("10-flannel.conflist", FLANNEL);
        assertThat(faults()).isEmpty();
    }

    @Test
    void eachFileThatHasToGoIsNamed() throws IOException {
        write("10-flannel.conflist", FLANNEL);
        write("05-cilium.conf", "{\"type\": \"cilium-cni\"}");
        assertThat(faults())
                .extracting(ConflistFault::text)
                .satisfiesExactly(
                        first -> assertThat(first).contains("05-cilium.conf"),
                        second -> assertThat(second).contains("10-flannel.conflist"));
    }

    @Test
    void directoryThatIsNotThereHasNone() {
        assertThat(new OtherConfigurations(directory.resolve("none/10-ikat.conflist")).faults())
                .isEmpty();
    }
}
