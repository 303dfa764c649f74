package dev.ikat.bench;

import dev.ikat.testbed.report.Terminal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which kube-proxy a benchmark compares with. */
final class KubeProxyOption {
    @Option(
            names = "--kube-proxy",
            paramLabel = "FILE",
            description = "the program to compare with (default: the test cluster's, where that has been built; "
                    + "'./dev cluster up' builds it)")
    private Path file = Path.of(System.getProperty("user.home"), ".cache/ikat-cluster/kubernetes-1.37/kube-proxy");

    /** The program; empty where there is none, which it says. */
    Optional<Path> program(Terminal terminal) {
        if (!Files.isExecutable(file)) {
            terminal.line("there is no kube-proxy at " + file + ": Ikat is measured alone");
            return Optional.empty();
        }
        return Optional.of(file);
    }
}
