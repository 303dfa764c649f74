package dev.ikat.agent.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The chart as Helm itself takes it, for a release named {@code ikat} in {@code kube-system}. */
public final class HelmChart {
    /** Where it is. */
    public static final Path DIRECTORY = Path.of("deploy/chart/ikat");

    private static final String RELEASE = "ikat";
    private static final String NAMESPACE = "kube-system";

    private HelmChart() {}

    /**
     * The objects that {@code helm install --values} applies.
     *
     * @param values YAML; empty for the chart's own
     * @throws IllegalStateException that says what Helm refuses of the values
     */
    public static List<JsonNode> render(String values) {
        try {
            Path file = Files.createTempFile("values", ".yaml");
            try {
                Files.writeString(file, values);
                return KubernetesObjects.documents(new Helm(DIRECTORY)
                        .template()
                        .withName(RELEASE)
                        .withNamespace(NAMESPACE)
                        .withValuesFile(file)
                        .call());
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What {@code helm lint --strict} says. */
    static LintResult lint() {
        return new Helm(DIRECTORY).lint().strict().call();
    }

    /** What {@code helm install} prints, without a cluster. */
    static String notes() {
        return new Helm(DIRECTORY)
                .install()
                .clientOnly()
                .dryRun()
                .withName(RELEASE)
                .withNamespace(NAMESPACE)
                .call()
                .getOutput();
    }
}
