package dev.ikat.agent;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import dev.ikat.agent.config.ConfigurationFile;
import dev.ikat.agent.policy.PolicySettings;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Dependencies between the modules point one way. */
class ModuleRulesTest {
    private static final String JDK = "java..";
    private static final String MODEL = "dev.ikat.model..";
    private static final String NETLINK = "dev.ikat.netlink..";
    private static final String IPAM = "dev.ikat.ipam..";
    private static final String FILES = "dev.ikat.files..";
    private static final String CLUSTER = "dev.ikat.cluster..";
    private static final String KUBERNETES = "dev.ikat.kubernetes..";
    private static final String CONTROLLER = "dev.ikat.controller..";
    private static final String POLICY = "dev.ikat.policy..";
    private static final String SERVICES = "dev.ikat.services..";
    private static final String BGP = "dev.ikat.bgp..";
    private static final String DATAPLANE = "dev.ikat.dataplane..";
    private static final String CNI = "dev.ikat.cni..";
    private static final String NFTABLES = "dev.ikat.nftables..";
    private static final String IPTABLES = "dev.ikat.iptables..";
    private static final String EBPF = "dev.ikat.ebpf..";
    private static final String AGENT = "dev.ikat.agent..";
    private static final String ANNOTATIONS = "org.jspecify..";

    private static JavaClasses all;

    @BeforeAll
    static void read() {
        all = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                // Tests that other modules' tests use come as an archive.
                .withImportOption(location -> !location.contains("-tests.jar"))
                .importPackages(
                        "dev.ikat.model",
                        "dev.ikat.files",
                        "dev.ikat.netlink",
                        "dev.ikat.ipam",
                        "dev.ikat.cluster",
                        "dev.ikat.kubernetes",
                        "dev.ikat.controller",
                        "dev.ikat.policy",
                        "dev.ikat.services",
                        "dev.ikat.bgp",
                        "dev.ikat.dataplane",
                        "dev.ikat.cni",
                        "dev.ikat.nftables",
                        "dev.ikat.iptables",
                        "dev.ikat.ebpf",
                        "dev.ikat.agent");
    }

    private static ArchRule only(String module, String... others) {
        String[] allowed = Stream.concat(Stream.of(module, JDK, ANNOTATIONS), Stream.of(others))
                .toArray(String[]::new);
        return classes()
                .that()
                .resideInAPackage(module)
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(allowed);
    }

    static Stream<Map.Entry<String, ArchRule>> rules() {
        return Stream.of(
                Map.entry("model stands on the JDK alone", only(MODEL)),
                Map.entry("files stands on the JDK alone", only(FILES)),
                Map.entry("netlink knows nobody but model", only(NETLINK, MODEL)),
                Map.entry(
                        "only netlink knows what its messages are as bytes",
                        noClasses()
                                .that()
                                .resideOutsideOfPackage(NETLINK)
                                .should()
                                .dependOnClassesThat()
                                .resideInAPackage("dev.ikat.netlink.wire..")),
                Map.entry(
                        "netlink's packages do not know each other in circles",
                        slices().matching("dev.ikat.netlink.(*)..").should().beFreeOfCycles()),
                Map.entry(
                        "eBPF's packages do not know each other in circles",
                        slices().matching("dev.ikat.ebpf.(*)..").should().beFreeOfCycles()),
                Map.entry("ipam knows nobody but model", only(IPAM, MODEL)),
                Map.entry("cluster knows nobody but model", only(CLUSTER, MODEL)),
                Map.entry("policy stands on cluster", only(POLICY, MODEL, CLUSTER)),
                Map.entry("services stand on cluster", only(SERVICES, MODEL, CLUSTER)),
                Map.entry(
                        "BGP stands on cluster and files, and asks BIRD by its socket",
                        only(BGP, MODEL, CLUSTER, FILES, "jnr.unixsocket..")),
                Map.entry("dataplane stands on policy and services", only(DATAPLANE, MODEL, CLUSTER, POLICY, SERVICES)),
                Map.entry(
                        "cni-plugin stands on netlink, ipam and files, and reads JSON in a stream",
                        only(CNI, MODEL, NETLINK, IPAM, FILES, "com.fasterxml.jackson.core..")),
                Map.entry(
                        "nftables implements dataplane by netlink, and is the one that calls libnftables",
                        only(
                                NFTABLES,
                                MODEL,
                                NETLINK,
                                CLUSTER,
                                POLICY,
                                SERVICES,
                                DATAPLANE,
                                "com.fasterxml.jackson..",
                                "jnr.ffi..",
                                "org.slf4j..")),
                Map.entry(
                        "iptables implements dataplane",
                        only(IPTABLES, MODEL, CLUSTER, POLICY, SERVICES, DATAPLANE, "org.slf4j..")),
                Map.entry(
                        "eBPF implements dataplane by netlink, and is the one that calls libbpf",
                        only(EBPF, MODEL, NETLINK, CLUSTER, POLICY, SERVICES, DATAPLANE, "jnr.ffi..", "org.slf4j..")),
                Map.entry(
                        "in the agent, only the registry's factory, its settings and who wires it know a dataplane by"
                                + " its class",
                        noClasses()
                                .that()
                                .resideInAPackage(AGENT)
                                .and()
                                .resideOutsideOfPackages(
                                        "dev.ikat.agent", "dev.ikat.agent.dataplane", "dev.ikat.agent.config")
                                .and()
                                .areNotAssignableTo(PolicySettings.class)
                                .should()
                                .dependOnClassesThat()
                                .resideInAnyPackage(NFTABLES, IPTABLES, EBPF)),
                Map.entry(
                        "kubernetes stands on cluster and files",
                        noClasses()
                                .that()
                                .resideInAPackage(KUBERNETES)
                                .should()
                                .dependOnClassesThat()
                                .resideInAnyPackage(
                                        NETLINK,
                                        IPAM,
                                        POLICY,
                                        SERVICES,
                                        BGP,
                                        DATAPLANE,
                                        CNI,
                                        NFTABLES,
                                        IPTABLES,
                                        EBPF,
                                        CONTROLLER,
                                        AGENT)),
                Map.entry(
                        "addresses are allocated without a client and without metrics",
                        only("dev.ikat.controller.allocation..", MODEL, IPAM, CLUSTER)),
                Map.entry(
                        "the controller stands on kubernetes",
                        only(
                                CONTROLLER,
                                MODEL,
                                IPAM,
                                CLUSTER,
                                KUBERNETES,
                                "com.fasterxml.jackson.core..",
                                "io.prometheus..",
                                "org.slf4j..")),
                Map.entry(
                        "nobody but the agent and the controller knows where the cluster's objects come from",
                        noClasses()
                                .that()
                                .resideOutsideOfPackages(AGENT, CONTROLLER, KUBERNETES)
                                .should()
                                .dependOnClassesThat()
                                .resideInAnyPackage("org.snakeyaml..", KUBERNETES, AGENT)),
                Map.entry(
                        "only kubernetes knows the cluster's client",
                        noClasses()
                                .that()
                                .resideOutsideOfPackage(KUBERNETES)
                                .should()
                                .dependOnClassesThat()
                                .resideInAPackage("io.fabric8..")),
                Map.entry(
                        "YAML is read where manifests are, and where the settings are",
                        noClasses()
                                .that()
                                .resideOutsideOfPackage(KUBERNETES)
                                .and()
                                .areNotAssignableTo(ConfigurationFile.class)
                                .should()
                                .dependOnClassesThat()
                                .resideInAPackage("org.snakeyaml..")),
                Map.entry(
                        "the agent leaves filter technology to the backends",
                        noClasses()
                                .that()
                                .resideInAPackage(AGENT)
                                .should()
                                .dependOnClassesThat()
                                .resideInAPackage("jnr.ffi..")),
                Map.entry(
                        "the agent's packages do not know each other in circles",
                        slices().matching("dev.ikat.agent.(*)..").should().beFreeOfCycles()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rules")
    void dependenciesPointOneWay(Map.Entry<String, ArchRule> rule) {
        rule.getValue().check(all);
    }
}
