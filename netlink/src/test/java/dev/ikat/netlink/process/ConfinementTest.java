package dev.ikat.netlink.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

@RequiresRoot
class ConfinementTest {
    private static List<String> rightsOfAProgram() throws IOException {
        Process process =
                new ProcessBuilder("grep", "-E", "^(Cap(Prm|Eff|Inh|Amb)|NoNewPrivs)", "/proc/self/status").start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.replaceAll("\\s+", " "))
                .toList();
    }

    @Test
    void programHasTheseCapabilitiesAndCanGetNoOthers() throws Exception {
        List<String> rights = Confinement.call(Set.of(Capability.NET_ADMIN), ConfinementTest::rightsOfAProgram);

        String netAdmin = "%016x".formatted(Capability.NET_ADMIN.bit());
        assertThat(rights)
                .containsExactly(
                        "CapInh: 0000000000000000",
                        "CapPrm: " + netAdmin,
                        "CapEff: " + netAdmin,
                        "CapAmb: 0000000000000000",
                        "NoNewPrivs: 1");
    }

    @Test
    void rightsOfOtherThreadsStayAsTheyAre() throws Exception {
        List<String> before = rightsOfAProgram();

        Confinement.call(EnumSet.noneOf(Capability.class), ConfinementTest::rightsOfAProgram);

        assertThat(rightsOfAProgram()).isEqualTo(before);
    }

    @Test
    void whatTheTaskThrowsIsThrown() {
        assertThatThrownBy(() -> Confinement.call(Set.of(), () -> {
                    throw new IOException("not there");
                }))
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(IOException.class);
    }
}
