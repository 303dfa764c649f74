package dev.ikat.ebpf;

import static dev.ikat.ebpf.WebService.frontend;
import static dev.ikat.ebpf.WebService.program;
import static dev.ikat.ebpf.WebService.service;
import static dev.ikat.ebpf.WebService.web;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What the programs for sockets do with connections of the node itself to services. */
@RequiresRoot
@RequiresProgram({"nft", "ss", "conntrack"})
class EbpfHostSocketsTest extends ServedPods {
    /** Enough that all get the same of two backends once in ten million times. */
    private static final int SOCKETS = 24;

    /** The backend and the port of the socket, in a line of conntrack. */
    private static final Pattern FLOW = Pattern.compile("dst=(\\S+) sport=(\\d+) dport=" + PORT);

    private static final IpAddress OWN = IpAddress.parse("192.0.2.77");

    @BeforeEach
    void serve() {
        connectOutside();
        host().ip("address", "add", OWN + "/32", "dev", "lo");
        assumeThat(OwnControlGroup.path()).as("a control group of version 2").isPresent();
        for (int number = 2; number <= 3; number++) {
            keep(Probe.serve(pod(number), PORT));
        }
    }

    private static InetSocketAddress serviceSocket(IpFamily family) {
        return new InetSocketAddress(service(family).toInetAddress(), 80);
    }

    private void change(Protocol protocol, IpFamily family, Backend... backends) {
        services.apply(new ServiceChange(
                List.of(frontend(protocol, family, Optional.empty(), backends)),
                Set.of(),
                Optional.empty(),
                Optional.empty()));
    }

    private NativeSocket socket(TestNamespace from, Protocol protocol, boolean v6) {
        return keep(NativeSocket.open(from, protocol, v6));
    }

    private NativeSocket socket(Protocol protocol, IpFamily family) {
        return socket(host(), protocol, family == IpFamily.IPV6);
    }

    /** With whom sockets of a namespace really speak. */
    private static String peers(TestNamespace of) {
        return of.exec("ss", "-Htun");
    }

    private String tracked(IpFamily family, String... filter) {
        List<String> command =
                new ArrayList<>(List.of("conntrack", "-L", "-f", family == IpFamily.IPV4 ? "ipv4" : "ipv6"));
        command.addAll(List.of(filter));
        return host().exec(command.toArray(String[]::new));
    }

    /** What netfilter has translated. */
    private String translated(IpFamily family) {
        return tracked(family, "-d", service(family).toString());
    }

    private Pins pins() {
        try (NetworkNamespace namespace = NetworkNamespace.open(host().path())) {
            return new Pins(namespace);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "TCP, IPV4, false",
        "TCP, IPV4, true",
        "TCP, IPV6, true",
        "UDP, IPV4, false",
        "UDP, IPV4, true",
        "UDP, IPV6, true"
    })
    void connectionIsMadeToABackendAndItsPeerIsTheService(Protocol protocol, IpFamily family, boolean v6) {
        services.replace(web(family, backend(2, family)));

        NativeSocket socket = socket(host(), protocol, v6).connect(service(family), 80);

        assertThat(socket.peer()).isEqualTo(serviceSocket(family));
        assertThat(peers(host()))
                .contains(address(2, family).toString())
                .doesNotContain(service(family).toString());
        socket.send();
        InetSocketAddress from = socket.receive();
        if (protocol == Protocol.UDP) {
            assertThat(from).isEqualTo(serviceSocket(family));
        }
        assertThat(translated(family)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"IPV4, false", "IPV4, true", "IPV6, true"})
    void datagramsOfASocketGoToOneBackendAndTheServiceAnswers(IpFamily family, boolean v6) {
        services.replace(web(family, backend(2, family), backend(3, family)));
        for (int i = 0; i < SOCKETS; i++) {
            NativeSocket socket = socket(host(), Protocol.UDP, v6);
            for (int j = 0; j < 4; j++) {
                socket.send(service(family), 80);
                assertThat(socket.receive()).isEqualTo(serviceSocket(family));
            }
        }

        Map<String, Set<String>> reached = new HashMap<>();
        Matcher flows = FLOW.matcher(tracked(family, "-p", "udp", "--orig-port-dst", Integer.toString(PORT)));
        while (flows.find()) {
            reached.computeIfAbsent(flows.group(2), _ -> new HashSet<>()).add(flows.group(1));
        }
        assertThat(reached)
                .hasSize(SOCKETS)
                .allSatisfy((_, backends) -> assertThat(backends).hasSize(1));
        assertThat(reached.values().stream().flatMap(Set::stream).distinct()).hasSize(2);
        assertThat(translated(family)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void socketOfAnotherNamespaceIsLeftAlone(IpFamily family) {
        services.replace(web(family, backend(2, family)));

        NativeSocket socket =
                socket(pod(1), Protocol.TCP, family == IpFamily.IPV6).connect(service(family), 80);

        assertThat(peers(pod(1))).contains(service(family).toString());
        assertThat(socket.peer()).isEqualTo(serviceSocket(family));
    }

    @Test
    void socketThatIsBoundToAnAddressIsLeftToNetfilter() {
        IpFamily family = IpFamily.IPV4;
        services.replace(web(family, backend(2, family)));

        NativeSocket socket = socket(Protocol.TCP, family).bind(OWN).connect(service(family), 80);

        assertThat(peers(host())).contains(service(family).toString());
        assertThat(socket.peer()).isEqualTo(serviceSocket(family));
        NativeSocket datagrams = socket(Protocol.UDP, family).bind(OWN);
        datagrams.send(service(family), 80);
        assertThat(datagrams.receive()).isEqualTo(serviceSocket(family));
    }

    @ParameterizedTest
    @EnumSource
    void allSocketsGoToOneBackendOfAServiceWithAffinity(IpFamily family) {
        Optional<Duration> affinity = Optional.of(Duration.ofHours(3));
        Backend[] both = {backend(2, family), backend(3, family)};
        services.replace(program(
                frontend(Protocol.TCP, family, affinity, both), frontend(Protocol.UDP, family, affinity, both)));

        for (Protocol protocol : List.of(Protocol.TCP, Protocol.UDP)) {
            Set<String> reached = new HashSet<>();
            for (int i = 0; i < SOCKETS; i++) {
                NativeSocket socket = socket(protocol, family).connect(service(family), 80);
                assertThat(socket.peer()).isEqualTo(serviceSocket(family));
                socket.send();
                socket.receive();
            }
            peers(host())
                    .lines()
                    .filter(line -> line.startsWith(protocol.name().toLowerCase(Locale.ROOT)))
                    .forEach(line -> reached.add(line.strip().replaceAll(".*\\s", "")));
            assertThat(reached).as(protocol.name()).hasSize(1);
        }
        assertThat(translated(family)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void datagramsLeaveABackendThatIsGone(IpFamily family) {
        services.replace(web(family, backend(4, family)));
        NativeSocket socket = socket(Protocol.UDP, family);
        socket.send(service(family), 80);
        NativeSocket other = socket(Protocol.UDP, family);
        other.send(address(3, family), PORT);
        assertThat(other.receive().getPort()).isEqualTo(PORT);

        change(Protocol.UDP, family, backend(3, family));

        // Nobody is there.
        assertThatThrownBy(socket::receive).isInstanceOf(NativeSocket.Refused.class);
        socket.send(service(family), 80);
        assertThat(socket.receive()).isEqualTo(serviceSocket(family));
    }

    @ParameterizedTest
    @CsvSource({"IPV4, false", "IPV4, true", "IPV6, true"})
    void socketThatIsConnectedToABackendThatIsGoneIsEnded(IpFamily family, boolean v6) {
        services.replace(web(family, backend(2, family)));
        NativeSocket socket = socket(host(), Protocol.UDP, v6).connect(service(family), 80);
        socket.send();
        assertThat(socket.receive()).isEqualTo(serviceSocket(family));
        NativeSocket direct = socket(host(), Protocol.UDP, v6).connect(address(2, family), PORT);

        change(Protocol.UDP, family, backend(3, family));

        assertThatThrownBy(socket::receive)
                .isInstanceOfSatisfying(
                        NativeSocket.Refused.class,
                        refused -> assertThat(refused.errno()).isEqualTo(NativeSocket.ECONNABORTED));
        socket.connect(service(family), 80).send();
        assertThat(socket.receive()).isEqualTo(serviceSocket(family));
        assertThat(peers(host())).contains(address(3, family).toString());
        direct.send();
        assertThat(direct.receive().getPort()).isEqualTo(PORT);
    }

    @ParameterizedTest
    @EnumSource
    void connectionsOutliveTheProcessAndASuccessorGoesOn(IpFamily family) {
        services.replace(web(family, backend(2, family)));
        NativeSocket tcp = socket(Protocol.TCP, family).connect(service(family), 80);
        NativeSocket udp = socket(Protocol.UDP, family);
        udp.send(service(family), 80);
        assertThat(udp.receive()).isEqualTo(serviceSocket(family));

        services.leave();
        NativeSocket meanwhile = socket(Protocol.TCP, family).connect(service(family), 80);
        assertThat(peers(host())).doesNotContain(service(family).toString());
        services = new NodeServices(host(), EbpfSettings.USUAL);
        ServiceProgram program = web(family, backend(2, family), backend(3, family));
        services.replace(program);

        assertThat(services.audit(program)).isEmpty();
        for (NativeSocket socket : List.of(tcp, meanwhile)) {
            assertThat(socket.peer()).isEqualTo(serviceSocket(family));
            socket.send();
            socket.receive();
        }
        udp.send(service(family), 80);
        assertThat(udp.receive()).isEqualTo(serviceSocket(family));
        assertThat(translated(family)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void removedProgramsLeaveNothingAndConnectionsGoOn(IpFamily family) {
        services.replace(web(family, backend(2, family)));
        NativeSocket before = socket(Protocol.TCP, family).connect(service(family), 80);

        services.removeOwn();

        assertThat(pins().names("sockets-")).isEmpty();
        before.send();
        before.receive();
        NativeSocket after = socket(Protocol.TCP, family).connect(service(family), 80);
        assertThat(peers(host())).contains(service(family).toString());
        after.send();
        after.receive();
    }

    @Test
    void linkThatSomebodyEndsIsFoundAndMended() {
        IpFamily family = IpFamily.IPV4;
        ServiceProgram program = web(family, backend(2, family));
        services.replace(program);
        assertThat(services.audit(program)).isEmpty();
        int link = Bpf.pinned(pins().path("sockets-connect4")).orElseThrow();

        Bpf.detach(link);
        Bpf.close(link);

        assertThat(services.audit(program)).singleElement().asString().contains("connect4");
        services.replace(program);
        assertThat(services.audit(program)).isEmpty();
        socket(Protocol.TCP, family).connect(service(family), 80);
        assertThat(peers(host())).contains(address(2, family).toString());
    }

    @Test
    void withoutAControlGroupNetfilterServesTheNode() {
        IpFamily family = IpFamily.IPV4;
        for (Optional<Path> group : List.of(Optional.<Path>empty(), Optional.of(Path.of("/proc/self/fd")))) {
            services.close();
            services = new NodeServices(host(), EbpfSettings.USUAL, group);
            ServiceProgram program = web(family, backend(2, family));

            services.replace(program);

            assertThat(services.remarks()).hasSize(1);
            assertThat(services.audit(program)).isEmpty();
            NativeSocket socket = socket(Protocol.TCP, family).connect(service(family), 80);
            assertThat(peers(host())).contains(service(family).toString());
            socket.send();
            socket.receive();
        }
    }
}
