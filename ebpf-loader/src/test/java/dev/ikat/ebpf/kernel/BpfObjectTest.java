package dev.ikat.ebpf.kernel;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@RequiresProgram("clang")
class BpfObjectTest {
    @TempDir
    private Path directory;

    /** The kernel refuses a program that takes a packet's length for an address. */
    @Test
    void refusalHasTheVerifiersWords() throws IOException {
        Path source = directory.resolve("refused.c");
        Files.writeString(source, """
                #define SEC(name) __attribute__((section(name), used))
                SEC("netfilter") int forward(void *context) { return 1; }
                SEC("netfilter") int attempt(void *context) { return 1; }
                SEC("tc") int from_pod(unsigned int *packet) { return *(char *)(unsigned long)packet[0]; }
                SEC("tc") int from_overlay(void *packet) { return 0; }
                SEC("tc") int to_pod(void *packet) { return 0; }
                char LICENSE[] SEC("license") = "GPL";
                """);
        Path object = directory.resolve("refused.o");
        ProcessRunner.of("clang", "-O2", "-g", "-target", "bpf", "-c", source.toString(), "-o", object.toString())
                .run()
                .orThrow();
        byte[] code = Files.readAllBytes(object);
        assertThatThrownBy(() -> BpfObject.load(BpfObject.Code.PACKETS, code, Map.of(), Map.of()))
                .isInstanceOf(BpfException.class)
                .hasMessageContaining("load the eBPF programs: EACCES")
                .hasMessageContaining("R1 invalid mem access 'scalar'");
    }
}
