package dev.ikat.testbed.requirement;

import dev.ikat.testbed.host.ProcessRunner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/** Decides {@link RequiresRoot}, {@link RequiresProgram}, {@link RequiresPackage} and {@link RequiresKernel}. */
final class Requirements implements ExecutionCondition {
    private static final String DIRECTORIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        return Stream.of(root(context), program(context), installed(context), kernel(context))
                .flatMap(Optional::stream)
                .findFirst()
                .map(ConditionEvaluationResult::disabled)
                .orElseGet(() -> ConditionEvaluationResult.enabled("all that it needs is there"));
    }

    private static Optional<String> root(ExtensionContext context) {
        boolean needed = AnnotationSupport.isAnnotated(context.getElement(), RequiresRoot.class);
        return needed && !isRoot() ? Optional.of("needs root, to create network namespaces") : Optional.empty();
    }

    private static Optional<String> program(ExtensionContext context) {
        return AnnotationSupport.findAnnotation(context.getElement(), RequiresProgram.class)
                .flatMap(needed -> Stream.of(needed.value())
                        .filter(program -> find(program).isEmpty())
                        .findFirst())
                .map(missing -> "needs the program " + missing + ", which is not on the PATH");
    }

    private static Optional<String> installed(ExtensionContext context) {
        return AnnotationSupport.findAnnotation(context.getElement(), RequiresPackage.class)
                .flatMap(needed -> Stream.of(needed.value())
                        .filter(name -> !isInstalled(name))
                        .findFirst())
                .map(missing -> "needs the Debian package " + missing + ", which is not installed (./dev setup)");
    }

    private static Optional<String> kernel(ExtensionContext context) {
        return AnnotationSupport.findAnnotation(context.getElement(), RequiresKernel.class)
                .flatMap(needed -> isRoot()
                        ? Stream.of(needed.value())
                                .map(KernelFeature::missing)
                                .flatMap(Optional::stream)
                                .findFirst()
                        : Optional.of("needs root, to try what the kernel can do"));
    }

    /** Whether this process may make network namespaces: bits 12 (NET_ADMIN) and 21 (SYS_ADMIN), linux/capability.h. */
    static boolean isRoot() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            long effective = lines.filter(line -> line.startsWith("CapEff:"))
                    .map(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
                    .findFirst()
                    .orElse(0L);
            long needed = 1L << 12 | 1L << 21;
            return (effective & needed) == needed;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The file of a program, looked for on the PATH and where Debian puts programs for root. */
    static Optional<Path> find(String program) {
        if (program.startsWith("/")) {
            return Optional.of(Path.of(program)).filter(Files::isExecutable);
        }
        String path = Objects.requireNonNullElse(System.getenv("PATH"), "") + ":" + DIRECTORIES;
        return Stream.of(path.split(":", -1))
                .filter(directory -> !directory.isEmpty())
                .map(directory -> Path.of(directory, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static boolean isInstalled(String name) {
        return find("dpkg-query").isPresent()
                && ProcessRunner.of("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name)
                        .run()
                        .stdout()
                        .startsWith("ii");
    }
}
