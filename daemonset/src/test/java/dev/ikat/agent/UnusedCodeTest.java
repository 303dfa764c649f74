package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Code that only tests call is code that nobody needs. The compiler's checks see what is private; this sees the rest,
 * of all modules that are installed on a node.
 */
class UnusedCodeTest {
    /** Packages of which everything may be there although Ikat calls only a part, and why. */
    private static final Map<String, String> VOCABULARIES = Map.of(
            "dev.ikat.netlink.route",
            "the kernel's routes, rules, links and neighbours with the fields that they have there: a reader's answers"
                    + " are compared with values of the same builders");

    private static final String DOCUMENTED = "documentation, chart and help are compared with it";
    private static final String ORACLE = "what dataplanes for services are compared with, in tests";
    private static final String KINDS =
            "a kind of object can be optional, or written; the source's tests register such kinds";
    private static final String SHORT =
            "a value's or a part's short form, by which tests and benchmarks of several modules make it";

    /** Single methods that may be there although nothing calls them here, and why. */
    private static final Map<String, String> EXEMPT = Map.ofEntries(
            Map.entry("dev.ikat.agent.config.Setting.meaning", DOCUMENTED),
            Map.entry("dev.ikat.agent.config.Setting.paramLabel", DOCUMENTED),
            Map.entry("dev.ikat.cluster.ClusterObject.resourceVersion", KINDS),
            Map.entry("dev.ikat.cluster.LabelSelector.of", SHORT),
            Map.entry("dev.ikat.kubernetes.ClusterSource.start", SHORT),
            Map.entry("dev.ikat.cni.NodeNetwork.of", SHORT),
            Map.entry("dev.ikat.ipam.AddressPlan.of", SHORT),
            Map.entry(
                    "dev.ikat.ipam.AddressRange.contains", "tests of several modules ask where an address comes from"),
            Map.entry("dev.ikat.ipam.LeaseStore.open", SHORT),
            Map.entry(
                    "dev.ikat.dataplane.FirewallAcceptance.remove",
                    "each capability of a dataplane can be removed; its contract tests it"),
            Map.entry("dev.ikat.policy.compiler.PolicyCompiler.update", SHORT),
            Map.entry("dev.ikat.policy.program.Flow.of", SHORT),
            Map.entry("dev.ikat.policy.program.Flow.ping", SHORT),
            Map.entry("dev.ikat.services.program.ServiceEvaluator.evaluate", ORACLE),
            Map.entry("dev.ikat.services.program.Outcome.why", ORACLE));

    private static final JavaClasses INSTALLED = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(location -> !location.contains("-tests.jar"))
            .withImportOption(location -> !location.contains("testbed") && !location.contains("backend-tests"))
            .importPackages("dev.ikat");

    private static List<JavaMethod> unused() {
        return INSTALLED.stream()
                .filter(type -> type.getPackageName().startsWith("dev.ikat."))
                .flatMap(type -> type.getMethods().stream())
                .filter(method -> method.getModifiers().contains(JavaModifier.PUBLIC)
                        && !method.getModifiers().contains(JavaModifier.SYNTHETIC)
                        && !method.getName().equals("main")
                        && !isImplied(method)
                        && !overrides(method))
                .filter(method -> method.getAccessesToSelf().stream()
                        .allMatch(access -> access.getOrigin().equals(method)))
                .toList();
    }

    @Test
    void everyMethodIsCalledByAnother() {
        Predicate<JavaMethod> isExempt = method -> EXEMPT.containsKey(name(method))
                || VOCABULARIES.containsKey(method.getOwner().getPackageName());

        assertThat(unused().stream().filter(isExempt.negate()).map(UnusedCodeTest::name))
                .as("methods that nothing but tests calls: remove them, move them into the tests, or say here why not")
                .isEmpty();
    }

    @Test
    void nothingIsExemptThatIsCalled() {
        List<JavaMethod> unused = unused();

        assertThat(unused.stream().map(UnusedCodeTest::name)).containsAll(EXEMPT.keySet());
        assertThat(unused.stream().map(method -> method.getOwner().getPackageName()))
                .containsAll(VOCABULARIES.keySet());
    }

    /** As in {@code dev.ikat.model.Cidr.parse}. */
    private static String name(JavaMethod method) {
        return method.getOwner().getName() + "." + method.getName();
    }

    /** Whether the language makes it, or a library calls it by reflection or from C. */
    private static boolean isImplied(JavaMethod method) {
        JavaClass owner = method.getOwner();
        boolean ofEnum = owner.isEnum()
                && (method.getName().equals("values") || method.getName().equals("valueOf"));
        boolean ofRecord = owner.isRecord()
                && method.getRawParameterTypes().isEmpty()
                && owner.tryGetField(method.getName()).isPresent();
        // jnr-ffi's interfaces of C libraries.
        boolean ofLibrary = owner.isInterface() && owner.getSimpleName().startsWith("Lib");
        return ofEnum || ofRecord || ofLibrary || !method.getAnnotations().isEmpty();
    }

    private static boolean overrides(JavaMethod method) {
        JavaClass owner = method.getOwner();
        return Stream.concat(owner.getAllRawSuperclasses().stream(), owner.getAllRawInterfaces().stream())
                .anyMatch(type -> declares(type, method));
    }

    /** Types that were not imported are asked by reflection. */
    private static boolean declares(JavaClass type, JavaMethod method) {
        int parameters = method.getRawParameterTypes().size();
        if (type.getName().startsWith("dev.ikat.")) {
            return type.getMethods().stream()
                    .anyMatch(other -> other.getName().equals(method.getName())
                            && other.getRawParameterTypes().size() == parameters);
        }
        try {
            return Stream.of(type.reflect().getMethods())
                    .anyMatch(other ->
                            other.getName().equals(method.getName()) && other.getParameterCount() == parameters);
        } catch (LinkageError e) {
            return true;
        }
    }
}
