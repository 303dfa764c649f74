package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.ServiceContract;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.services.program.Target;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The contract for one of the variants. */
@RequiresProgram({"ipset", "nft"})
abstract class VariantServicesContract extends ServiceContract {
    private final IptablesVariant variant;
    private Optional<TestNamespace> opened = Optional.empty();

    VariantServicesContract(IptablesVariant variant) {
        this.variant = variant;
    }

    @Override
    protected ServiceBackend open(TestNamespace node) {
        opened = Optional.of(node);
        return new IptablesServices(programs(), variant);
    }

    @Override
    protected List<StickyClient> stickyClients(ServiceProgram program) {
        return IptablesServices.stickyClients(programs(), program);
    }

    @Override
    protected String rules(TestNamespace node) {
        StringBuilder rules = new StringBuilder(node.exec("ipset", "list"));
        for (IpFamily family : IpFamily.values()) {
            for (String table : List.of("nat", "filter")) {
                rules.append(node.exec(variant.program(family, "save"), "-t", table));
            }
        }
        return rules.toString().replaceAll("\\[\\d+:\\d+]", "[]").replaceAll("(?m)^#.*\n", "");
    }

    @Override
    protected List<List<String>> drifts() {
        String chain = ServiceNames.chain(
                web().frontends().keySet().stream().sorted().findFirst().orElseThrow());
        return Stream.of(
                        "iptables -t nat -F PREROUTING",
                        "iptables -t nat -I OUTPUT -j ACCEPT",
                        "ip6tables -t nat -F IKAT-SVC-LEAVING",
                        "iptables -t nat -I " + chain + " -j RETURN",
                        "iptables -t nat -D " + chain + " 2",
                        "iptables -t nat -F IKAT-SVC-ROOT",
                        "iptables -F IKAT-SVC-REJECT",
                        "ip6tables -N IKAT-SVC-STRANGE",
                        "ipset del ikatsvc4a-frontends 10.96.0.80,tcp:80",
                        "ipset add ikatsvc4a-addresses 192.0.2.1",
                        "ipset flush ikatsvc6a-pods",
                        "ipset create ikatsvc4-to-strange hash:ip")
                .map(drift -> List.of(drift.replaceFirst(
                                "^(ip6?tables)", "$1-" + variant.name().toLowerCase(Locale.ROOT))
                        .split(" ", -1)))
                .toList();
    }

    private TestNamespace node() {
        return opened.orElseThrow();
    }

    private Programs programs() {
        return new Programs(node().entering(List.of()));
    }

    private IptablesServices another() {
        return new IptablesServices(programs(), variant);
    }

    private String iptables(IpFamily family, String... arguments) {
        List<String> command =
                new ArrayList<>(List.of(variant.program(family, "save").replace("-save", "")));
        command.addAll(List.of(arguments));
        return node().exec(command.toArray(String[]::new));
    }

    /** Of a cluster IP and of many node ports, in both families, each treated in another way. */
    private static ServiceProgram many() {
        Map<Frontend, FrontendProgram> frontends = new HashMap<>();
        for (int i = 1; i <= 300; i++) {
            for (IpFamily family : IpFamily.values()) {
                boolean v4 = family == IpFamily.IPV4;
                boolean nodePort = i % 2 == 0;
                IpAddress clusterIp =
                        IpAddress.parse(v4 ? "10.96.1.1" : "fd96::1").plus(7L * i);
                IpAddress nodeIp = IpAddress.parse(v4 ? "172.31.9.1" : "fd31:9::1");
                Backend backend = new Backend(IpAddress.parse(v4 ? "10.244.1.7" : "fd00:10:244:1::7"), i);
                Target target = i % 7 == 0 ? Target.REJECT : new Target.Balance(List.of(backend));
                Protocol protocol = i % 3 == 0 ? Protocol.UDP : Protocol.TCP;
                Frontend frontend = new Frontend(nodePort ? nodeIp : clusterIp, protocol, nodePort ? 200 * i : 80);
                frontends.put(
                        frontend,
                        new FrontendProgram(
                                frontend,
                                new ServicePortName("default", "web-" + i, "p" + i),
                                nodePort ? Kind.NODE_PORT : Kind.CLUSTER_IP,
                                target,
                                i % 5 == 0 ? Target.DROP : target,
                                i % 11 == 0,
                                i % 13 == 0 ? Optional.of(Duration.ofHours(3)) : Optional.empty(),
                                i % 17 == 0 ? List.of(Cidr.all(family)) : List.of()));
            }
        }
        return new ServiceProgram(frontends, web().podCidrs(), web().serviceCidrs());
    }

    @Test
    void manyFrontendsAreATreeAndChangeOneByOne() {
        ServiceProgram many = many();
        try (IptablesServices services = another()) {
            services.replace(web());
            services.apply(new ServiceChange(
                    List.copyOf(many.frontends().values()),
                    web().frontends().keySet(),
                    Optional.empty(),
                    Optional.empty()));
            assertThat(services.audit(many)).isEmpty();
            assertThat(services.audit(web())).isNotEmpty();
            services.replace(many);
            assertThat(services.audit(many)).isEmpty();

            services.apply(new ServiceChange(
                    List.copyOf(web().frontends().values()),
                    many.frontends().keySet(),
                    Optional.empty(),
                    Optional.empty()));
            assertThat(services.audit(web())).isEmpty();
        }
        try (IptablesServices successor = another()) {
            successor.replace(many);
            assertThat(successor.audit(many)).isEmpty();
        }
    }

    @Test
    void failureInOneFamilyChangesNothingInTheOther() {
        try (IptablesServices services = another()) {
            services.replace(web());
            Set<String> before = withoutHashing(rules(node()));
            Frontend gone = web().frontends().keySet().stream()
                    .filter(frontend -> frontend.address().family() == IpFamily.IPV6)
                    .findFirst()
                    .orElseThrow();
            // Refused after the other family has its rules: somebody else refers to a chain that is to go.
            iptables(IpFamily.IPV6, "-t", "nat", "-N", "FOREIGN");
            iptables(IpFamily.IPV6, "-t", "nat", "-A", "FOREIGN", "-j", ServiceNames.chain(gone));
            ServiceChange change = new ServiceChange(
                    List.copyOf(many().frontends().values()), Set.of(gone), Optional.empty(), Optional.empty());

            assertThatThrownBy(() -> services.apply(change)).isInstanceOf(PolicyBackendException.class);
            assertThatThrownBy(() -> services.apply(change)).isInstanceOf(PolicyBackendException.class);
            assertThatThrownBy(() -> services.replace(ServiceProgram.EMPTY)).isInstanceOf(PolicyBackendException.class);

            iptables(IpFamily.IPV6, "-t", "nat", "-F", "FOREIGN");
            iptables(IpFamily.IPV6, "-t", "nat", "-X", "FOREIGN");
            assertThat(withoutHashing(rules(node()))).isEqualTo(before);
            services.replace(ServiceProgram.EMPTY);
            assertThat(services.audit(ServiceProgram.EMPTY)).isEmpty();
        }
    }

    /** Without the place that the kernel gives things by itself. */
    private static Set<String> withoutHashing(String rules) {
        return rules.lines().filter(line -> !line.startsWith("Size in memory")).collect(Collectors.toSet());
    }

    /** What services refuse policies would leave without an answer. */
    @Test
    void policiesThatComeLaterComeAfterServices() {
        try (IptablesServices services = another();
                IptablesBackend policies = new IptablesBackend(programs(), variant, OptionalInt.empty())) {
            services.replace(web());
            policies.replace(PolicyProgram.EMPTY);

            assertThat(services.audit(web())).isEmpty();
            assertThat(policies.audit(PolicyProgram.EMPTY)).isEmpty();
            assertThat(iptables(IpFamily.IPV4, "-S", "FORWARD"))
                    .contains("-A FORWARD -j IKAT-SVC-PASSING\n-A FORWARD -j IKAT-FORWARD\n");
        }
    }
}
