package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.SourceGuardContract;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The guard of one variant of iptables. */
@RequiresProgram("ipset")
abstract class VariantGuardContract extends SourceGuardContract {
    private final IptablesVariant variant;

    VariantGuardContract(IptablesVariant variant) {
        this.variant = variant;
    }

    @Override
    protected SourceGuard open(TestNamespace node) {
        return new IptablesGuard(new Programs(node.entering(List.of())), variant, OptionalInt.of(4796));
    }

    @Override
    protected boolean looksWithin() {
        return false;
    }

    @Override
    protected List<List<String>> drifts() {
        String word = variant.name().toLowerCase(Locale.ROOT);
        return Stream.of(
                        "iptables-" + word + " -t raw -F PREROUTING",
                        "ip6tables-" + word + " -t raw -I IKAT-GUARD-PODS -j ACCEPT",
                        "iptables-" + word + " -F IKAT-GUARD-FROM-NODE",
                        "ip6tables-" + word + " -F FORWARD",
                        "iptables-" + word + " -I INPUT -j ACCEPT",
                        "ipset del ikats4-nodes 172.31.0.12",
                        "ipset add ikats6-peers fd31::99")
                .map(drift -> List.of(drift.split(" ")))
                .toList();
    }

    @Test
    void withoutTheMatchThatReadsIdentifiersAllTunnelsAtThePortAreNodesOnly(@TempDir Path extensions)
            throws IOException {
        Path all = Stream.of("/usr/lib/x86_64-linux-gnu/xtables", "/usr/lib/aarch64-linux-gnu/xtables")
                .map(Path::of)
                .filter(Files::isDirectory)
                .findFirst()
                .orElseThrow();
        try (Stream<Path> files = Files.list(all);
                TestNamespace node = TestNamespace.create()) {
            for (Path file : files.filter(f -> !f.endsWith("libxt_u32.so")).toList()) {
                Files.createSymbolicLink(extensions.resolve(file.getFileName()), file);
            }
            List<String> lacking = node.entering(List.of("env", "XTABLES_LIBDIR=" + extensions));
            SourceGuard guard = new IptablesGuard(new Programs(lacking), variant, OptionalInt.empty());
            assertThat(guard.reconcile(TUNNELLED)).isTrue();
            assertThat(guard.reconcile(TUNNELLED)).isFalse();
            assertThat(node.exec("iptables-" + variant.name().toLowerCase(Locale.ROOT) + "-save"))
                    .contains("-A IKAT-GUARD-FROM-NODE -m set --match-set ikats4-peers src -j RETURN")
                    .doesNotContain("u32");
        }
    }
}
