package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/kubernetes.md has people type for a cluster of kind names what is there. */
class KindWalkthroughTest {
    private static final Path ROOT = Path.of("..");

    private static List<String> commands() throws IOException {
        return Pattern.compile("(?s)\n```[a-z]*\n(.*?)\n```\n")
                .matcher(Files.readString(ROOT.resolve("docs/kubernetes.md")))
                .results()
                .map(block -> block.group(1))
                .filter(block -> block.contains("kind create cluster"))
                .map(String::lines)
                .map(Stream::toList)
                .findFirst()
                .orElseThrow();
    }

    /** The last word of the one command that begins so. */
    private static String argument(String beginning) throws IOException {
        List<String> found =
                commands().stream().filter(line -> line.startsWith(beginning)).toList();
        assertThat(found).as(beginning).hasSize(1);
        return found.getFirst().replaceAll(".* ", "");
    }

    private static List<String> found(String file, String pattern) throws IOException {
        return Pattern.compile(pattern)
                .matcher(Files.readString(ROOT.resolve(file)))
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    @Test
    void clusterIsMadeWithoutANetworkOfKindsOwn() throws IOException {
        String file = argument("kind create cluster --config ");
        assertThat(Files.readString(ROOT.resolve(file)))
                .contains("kind: Cluster\n", "apiVersion: kind.x-k8s.io/", "disableDefaultCNI: true\n");
    }

    @Test
    void overlayIsThereAndStandsOnTheBase() throws IOException {
        Path overlay = ROOT.resolve(argument("kubectl apply -k "));
        String kustomization = Files.readString(overlay.resolve("kustomization.yaml"));
        assertThat(kustomization).contains("resources:\n  - ../../base\n");
        assertThat(overlay.resolve("../../base/kustomization.yaml")).exists();
        assertThat(found("daemonset/deploy/base/kustomization.yaml", "  - (.*)"))
                .containsExactly("ikat.yaml");
    }

    @Test
    void imageThatIsBuiltIsTheOneThatIsLoadedAndTheManifests() throws IOException {
        String script = "daemonset/deploy/image/build.sh";
        assertThat(commands()).contains("./dev image");
        assertThat(found("dev", "exec (daemonset/deploy/image/build[.]sh)")).containsExactly(script);
        assertThat(found(script, "\\barchive=(daemonset/\\S+)")).containsExactly(argument("kind load image-archive "));
        List<String> built = found(script, "\\btag=(ikat\\S+)");
        assertThat(built).hasSize(1);
        assertThat(found("daemonset/deploy/base/ikat.yaml", " image: (.*)"))
                .isNotEmpty()
                .allMatch(built::contains);
        assertThat(found("daemonset/deploy/uninstall-job.yaml", " image: (.*)"))
                .isNotEmpty()
                .allMatch(built::contains);
    }

    @Test
    void filesThatAreNamedExist() throws IOException {
        List<String> named = commands().stream()
                .flatMap(line -> Stream.of(line.split(" ")))
                .filter(word -> word.startsWith("daemonset/") && !word.startsWith("daemonset/target/"))
                .toList();
        assertThat(named)
                .hasSizeGreaterThan(1)
                .allSatisfy(file -> assertThat(ROOT.resolve(file)).exists());
    }
}
