package dev.ikat.ebpf.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class KernelSupportTest {
    /** No kernel has so many types of programs: it answers as one that is older than the type. */
    private static final int NEWER_THAN_THE_KERNEL = 200;

    @TempDir
    private Path directory;

    @Test
    void thisKernelHasAll() {
        assertThat(KernelSupport.missing(KernelSupport.TYPES, BpfObject.NETFILTER))
                .isEmpty();
    }

    @Test
    void kernelWithoutTypesIsNamed() {
        assertThat(KernelSupport.missing(directory.resolve("vmlinux"), BpfObject.NETFILTER))
                .hasValueSatisfying(missing -> assertThat(missing).contains("CONFIG_DEBUG_INFO_BTF"));
    }

    @Test
    void kernelWithoutTheHookIsNamed() {
        assertThat(KernelSupport.missing(KernelSupport.TYPES, NEWER_THAN_THE_KERNEL))
                .hasValueSatisfying(missing -> assertThat(missing).contains("Linux 6.4", "CONFIG_NETFILTER_BPF_LINK"));
    }

    @Test
    @RequiresProgram("setpriv")
    void missingCapabilitiesAreNamed() {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = new ArrayList<>(List.of("setpriv", "--inh-caps=-all", "--bounding-set=-all", java));
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ProbeMain.class.getName()));
        assertThat(ProcessRunner.of(command).run().orThrow().stdout()).contains("CAP_BPF", "CAP_NET_ADMIN");
    }

    /** Prints what is missing. */
    static final class ProbeMain {
        private ProbeMain() {}

        public static void main(String[] arguments) {
            System.out.println(KernelSupport.missing(KernelSupport.TYPES, BpfObject.NETFILTER)
                    .orElse("nothing"));
        }
    }
}
