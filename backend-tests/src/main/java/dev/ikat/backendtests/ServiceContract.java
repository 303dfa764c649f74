package dev.ikat.backendtests;

import static dev.ikat.backendtests.ServiceScene.CLIENT;
import static dev.ikat.backendtests.ServiceScene.PORT;
import static dev.ikat.backendtests.ServiceScene.SERVERS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.ikat.backendtests.Witness.Answer;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.services.program.Target;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.net.ConnectException;
import java.net.PortUnreachableException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every dataplane has to do with connections to services, by real connections. */
@RequiresRoot
public abstract class ServiceContract {
    private static final Set<Cidr> PODS = Set.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd00:10:244:1::/64"));
    private static final Set<Cidr> SERVICES = Set.of(Cidr.parse("10.96.0.0/16"), Cidr.parse("fd96::/112"));
    private static final ServicePortName NAME = new ServicePortName("default", "web", "");

    /** Enough connections that one of three backends is left out by chance once in ten million times. */
    private static final int MANY = 40;

    private static final int CHANGES = 100;

    private ServiceScene scene;
    protected ServiceBackend services;

    /** Opens the backend in a node's namespace. */
    protected abstract ServiceBackend open(TestNamespace node);

    /** The clients of this program's backends that have them by session affinity in the node's kernel. */
    protected abstract List<StickyClient> stickyClients(ServiceProgram program);

    /** What is in the packet filter of a node; the same text as long as nothing is. */
    protected abstract String rules(TestNamespace node);

    /** Commands by which somebody else changes what is in force for {@link #web}, each another one. */
    protected abstract List<List<String>> drifts();

    @BeforeEach
    void make() {
        scene = new ServiceScene();
        services = open(scene.host());
    }

    /** The node that {@link #services} works on. */
    protected final TestNamespace host() {
        return scene.host();
    }

    @AfterEach
    void close() {
        services.close();
        scene.close();
    }

    private static IpAddress clusterIp(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "10.96.0.80" : "fd96::80");
    }

    private static Target balance(IpFamily family, Integer... servers) {
        return new Target.Balance(Stream.of(servers)
                .map(number -> new Backend(ServiceScene.podAddress(number, family), PORT))
                .toList());
    }

    private static FrontendProgram frontend(
            IpAddress address, Protocol protocol, Kind kind, Target inside, Target outside, boolean keepsSource) {
        return new FrontendProgram(
                new Frontend(address, protocol, 80),
                NAME,
                kind,
                inside,
                outside,
                keepsSource,
                Optional.empty(),
                List.of());
    }

    private static FrontendProgram clusterIp(IpFamily family, Target target) {
        return frontend(clusterIp(family), Protocol.TCP, Kind.CLUSTER_IP, target, target, false);
    }

    private static FrontendProgram withAffinity(FrontendProgram program, Duration time) {
        return new FrontendProgram(
                program.frontend(),
                program.service(),
                program.kind(),
                program.inside(),
                program.outside(),
                program.keepsSource(),
                Optional.of(time),
                program.sources());
    }

    private static ServiceProgram program(FrontendProgram... frontends) {
        return new ServiceProgram(
                Stream.of(frontends).collect(Collectors.toMap(FrontendProgram::frontend, Function.identity())),
                PODS,
                SERVICES);
    }

    private static ServiceChange change(FrontendProgram... frontends) {
        return new ServiceChange(List.of(frontends), Set.of(), Optional.empty(), Optional.empty());
    }

    /** The service that {@link #drifts} is about: all three servers, in both families. */
    protected static ServiceProgram web() {
        return program(
                clusterIp(IpFamily.IPV4, balance(IpFamily.IPV4, 2, 3, 4)),
                clusterIp(IpFamily.IPV6, balance(IpFamily.IPV6, 2, 3, 4)));
    }

    /** What gives {@link #web} affinity, in one family. */
    protected static ServiceChange webWithAffinity() {
        return change(withAffinity(clusterIp(IpFamily.IPV4, balance(IpFamily.IPV4, 2, 3, 4)), Duration.ofHours(1)));
    }

    private Set<Integer> servers(TestNamespace from, IpAddress address) throws IOException {
        Set<Integer> servers = new TreeSet<>();
        for (int i = 0; i < MANY; i++) {
            servers.add(scene.ask(from, address, 80).server());
        }
        return servers;
    }

    @ParameterizedTest
    @EnumSource
    protected void connectionsAreSpreadOverBackendsWhichSeeTheClient(IpFamily family) throws IOException {
        services.replace(web());

        assertThat(servers(scene.pod(CLIENT), clusterIp(family))).containsExactlyElementsOf(SERVERS);
        assertThat(scene.ask(scene.pod(CLIENT), clusterIp(family), 80).source())
                .isEqualTo(ServiceScene.podAddress(CLIENT, family));
    }

    @ParameterizedTest
    @EnumSource
    protected void nodeReachesServices(IpFamily family) throws IOException {
        services.replace(web());

        assertThat(servers(scene.host(), clusterIp(family))).containsExactlyElementsOf(SERVERS);
    }

    @ParameterizedTest
    @EnumSource
    protected void datagramsAreSpreadAndAnswered(IpFamily family) throws IOException {
        Target target = balance(family, 2, 3, 4);
        services.replace(program(frontend(clusterIp(family), Protocol.UDP, Kind.CLUSTER_IP, target, target, false)));

        for (TestNamespace from : List.of(scene.pod(CLIENT), scene.host())) {
            Set<Integer> servers = new TreeSet<>();
            for (int i = 0; i < MANY; i++) {
                servers.add(scene.askByDatagram(from, clusterIp(family), 80).server());
            }
            assertThat(servers).containsExactlyElementsOf(SERVERS);
        }
    }

    @ParameterizedTest
    @EnumSource
    protected void clientOutsideIsSeenAsTheNode(IpFamily family) throws IOException {
        services.replace(web());

        Answer answer = scene.ask(scene.outside(), clusterIp(family), 80);

        assertThat(answer.source()).isNotEqualTo(ServiceScene.outsideAddress(family));
    }

    @ParameterizedTest
    @EnumSource
    protected void clientOutsideIsSeenWhereTheSourceIsKeptAndReachesBackendsForOutsideOnly(IpFamily family)
            throws IOException {
        IpAddress node = ServiceScene.nodeAddress(family);
        services.replace(program(
                frontend(node, Protocol.TCP, Kind.NODE_PORT, balance(family, 2, 3, 4), balance(family, 4), true)));

        for (int i = 0; i < MANY / 4; i++) {
            assertThat(scene.ask(scene.outside(), node, 80))
                    .isEqualTo(new Answer(4, ServiceScene.outsideAddress(family)));
        }
        assertThat(servers(scene.pod(CLIENT), node)).containsExactlyElementsOf(SERVERS);
        assertThat(servers(scene.host(), node)).containsExactlyElementsOf(SERVERS);
    }

    @ParameterizedTest
    @EnumSource
    protected void connectionsFromOutsideAreDroppedWhereOnlyThoseFromInsideAreServed(IpFamily family)
            throws IOException {
        IpAddress node = ServiceScene.nodeAddress(family);
        services.replace(program(frontend(node, Protocol.TCP, Kind.NODE_PORT, balance(family, 2), Target.DROP, true)));

        assertThatThrownBy(() -> scene.ask(scene.outside(), node, 80)).isInstanceOf(SocketTimeoutException.class);
        assertThat(scene.ask(scene.pod(CLIENT), node, 80).server()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    protected void backendThatGoesKeepsItsConnectionsAndGetsNoNewOnes(IpFamily family) throws IOException {
        services.replace(web());
        Map<Integer, Socket> open = new TreeMap<>();
        try {
            while (open.size() < SERVERS.size()) {
                Socket connection = scene.connect(scene.pod(CLIENT), clusterIp(family), 80);
                Socket former = open.put(Witness.ask(connection).server(), connection);
                if (former != null) {
                    former.close();
                }
            }

            services.apply(change(clusterIp(family, balance(family, 2, 4))));
            assertThat(servers(scene.pod(CLIENT), clusterIp(family))).containsExactly(2, 4);
            services.apply(change(clusterIp(family, balance(family, 4))));
            assertThat(servers(scene.pod(CLIENT), clusterIp(family))).containsExactly(4);
            services.apply(change(clusterIp(family, balance(family, 2, 3, 4))));
            assertThat(servers(scene.pod(CLIENT), clusterIp(family))).containsExactlyElementsOf(SERVERS);

            for (Map.Entry<Integer, Socket> connection : open.entrySet()) {
                assertThat(Witness.ask(connection.getValue()).server()).isEqualTo(connection.getKey());
            }
        } finally {
            for (Socket connection : open.values()) {
                connection.close();
            }
        }
        assertThat(services.audit(program(
                        clusterIp(IpFamily.IPV4, balance(IpFamily.IPV4, 2, 3, 4)),
                        clusterIp(IpFamily.IPV6, balance(IpFamily.IPV6, 2, 3, 4)))))
                .isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    protected void serviceWithoutBackendsRefuses(IpFamily family) throws IOException {
        FrontendProgram udp =
                frontend(clusterIp(family), Protocol.UDP, Kind.CLUSTER_IP, Target.REJECT, Target.REJECT, false);
        services.replace(program(clusterIp(family, Target.REJECT), udp));

        for (TestNamespace from : List.of(scene.pod(CLIENT), scene.host(), scene.outside())) {
            assertThatThrownBy(() -> scene.ask(from, clusterIp(family), 80)).isInstanceOf(ConnectException.class);
        }
        assertThatThrownBy(() -> scene.askByDatagram(scene.pod(CLIENT), clusterIp(family), 80))
                .isInstanceOf(PortUnreachableException.class);

        services.apply(change(clusterIp(family, balance(family, 3))));
        assertThat(scene.ask(scene.pod(CLIENT), clusterIp(family), 80).server()).isEqualTo(3);
    }

    @ParameterizedTest
    @EnumSource
    protected void whatIsNoServiceAtAddressesOfServicesIsRefused(IpFamily family) {
        services.replace(web());
        IpAddress unused = IpAddress.parse(family == IpFamily.IPV4 ? "10.96.7.7" : "fd96::77");

        assertThatThrownBy(() -> scene.ask(scene.pod(CLIENT), clusterIp(family), 81))
                .isInstanceOf(ConnectException.class);
        assertThatThrownBy(() -> scene.ask(scene.pod(CLIENT), unused, 80)).isInstanceOf(ConnectException.class);
        assertThatThrownBy(() -> scene.ask(scene.host(), unused, 80)).isInstanceOf(ConnectException.class);
    }

    @ParameterizedTest
    @EnumSource
    protected void echoRequestIsAnswered(IpFamily family) {
        services.replace(web());

        List<Probe.Target> targets = Stream.of(scene.pod(CLIENT), scene.host(), scene.outside())
                .map(from -> Probe.Target.icmp(from, clusterIp(family)))
                .toList();
        assertThat(Probe.failures(targets, Duration.ofSeconds(2))).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    protected void onlyClientsFromTheSourceRangesGetIn(IpFamily family) throws IOException {
        IpAddress balancer = IpAddress.parse(family == IpFamily.IPV4 ? "192.0.2.80" : "2001:db8::80");
        Target target = balance(family, 2);
        FrontendProgram open = frontend(balancer, Protocol.TCP, Kind.LOAD_BALANCER, target, target, false);
        FrontendProgram ranged = new FrontendProgram(
                open.frontend(),
                NAME,
                Kind.LOAD_BALANCER,
                target,
                target,
                false,
                Optional.empty(),
                List.of(Cidr.parse(family == IpFamily.IPV4 ? "172.31.9.2/32" : "fd31:9::2/128")));
        services.replace(program(ranged));

        assertThat(scene.ask(scene.outside(), balancer, 80).server()).isEqualTo(2);
        assertThatThrownBy(() -> scene.ask(scene.pod(CLIENT), balancer, 80)).isInstanceOf(SocketTimeoutException.class);
        // The node hears at once that its own packet went nowhere, or never.
        assertThatThrownBy(() -> scene.ask(scene.host(), balancer, 80)).isInstanceOf(IOException.class);

        services.apply(change(open));
        assertThat(scene.ask(scene.pod(CLIENT), balancer, 80).server()).isEqualTo(2);
        assertThat(scene.ask(scene.host(), balancer, 80).server()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    protected void clientKeepsItsBackendAsLongAsTheServiceHasIt(IpFamily family) throws IOException {
        Duration hours = Duration.ofHours(3);
        ServiceProgram all = program(withAffinity(clusterIp(family, balance(family, 2, 3, 4)), hours));
        services.replace(all);
        Set<Integer> first = servers(scene.pod(CLIENT), clusterIp(family));
        assertThat(first).hasSize(1);
        int server = first.iterator().next();

        services.replace(all);
        assertThat(servers(scene.pod(CLIENT), clusterIp(family))).containsExactly(server);
        Integer[] others = SERVERS.stream().filter(number -> number != server).toArray(Integer[]::new);
        services.apply(change(withAffinity(clusterIp(family, balance(family, others)), hours)));
        Set<Integer> next = servers(scene.pod(CLIENT), clusterIp(family));
        assertThat(next).hasSize(1).doesNotContain(server);

        services.apply(change(withAffinity(clusterIp(family, balance(family, 2, 3, 4)), hours)));
        assertThat(servers(scene.pod(CLIENT), clusterIp(family))).isEqualTo(next);
    }

    @ParameterizedTest
    @EnumSource
    protected void clientsOfAnotherDataplaneKeepTheirBackends(IpFamily family) throws IOException {
        Duration hour = Duration.ofHours(1);
        FrontendProgram sticky = withAffinity(clusterIp(family, balance(family, 2, 3, 4)), hour);
        IpAddress client = ServiceScene.podAddress(CLIENT, family);
        IpAddress outside = ServiceScene.outsideAddress(family);
        Backend gone = new Backend(ServiceScene.podAddress(CLIENT, family), PORT);

        services.replace(
                program(sticky),
                List.of(
                        new StickyClient(client, sticky.frontend(), backend(3, family), Duration.ofMinutes(5)),
                        new StickyClient(client, sticky.frontend(), gone, Duration.ofMinutes(5))));
        services.adopt(List.of(new StickyClient(outside, sticky.frontend(), backend(4, family), hour.plusHours(1))));

        assertThat(left(sticky, client)).isBetween(Duration.ofMinutes(4), Duration.ofMinutes(5));
        assertThat(servers(scene.pod(CLIENT), clusterIp(family))).containsExactly(3);
        assertThat(servers(scene.outside(), clusterIp(family))).containsExactly(4);
        assertThat(stickyClients(program(sticky)))
                .extracting(StickyClient::address, StickyClient::backend)
                .containsExactlyInAnyOrder(tuple(client, backend(3, family)), tuple(outside, backend(4, family)));
        assertThat(left(sticky, client)).isBetween(Duration.ofMinutes(59), hour);
        assertThat(services.audit(program(sticky))).isEmpty();
    }

    private static Backend backend(int server, IpFamily family) {
        return new Backend(ServiceScene.podAddress(server, family), PORT);
    }

    private Duration left(FrontendProgram frontend, IpAddress client) {
        return stickyClients(program(frontend)).stream()
                .filter(found -> found.address().equals(client))
                .map(StickyClient::left)
                .findFirst()
                .orElseThrow();
    }

    @Test
    protected void clientOfAnotherDataplaneKeepsItsBackendForNoLongerThanThere() {
        IpFamily family = IpFamily.IPV4;
        FrontendProgram sticky = withAffinity(clusterIp(family, balance(family, 2, 3, 4)), Duration.ofHours(1));
        IpAddress client = ServiceScene.podAddress(CLIENT, family);

        services.replace(
                program(sticky),
                List.of(new StickyClient(client, sticky.frontend(), backend(3, family), Duration.ofSeconds(2))));

        Await.until(
                Duration.ofSeconds(10),
                () -> stickyClients(program(sticky)).toString(),
                () -> stickyClients(program(sticky)).isEmpty());
    }

    @Test
    protected void affinityEndsWithItsTime() throws Exception {
        IpFamily family = IpFamily.IPV4;
        services.replace(program(withAffinity(clusterIp(family, balance(family, 2, 3, 4)), Duration.ofSeconds(1))));
        Set<Integer> seen = new TreeSet<>();
        for (int i = 0; i < 20 && seen.size() < 2; i++) {
            seen.add(scene.ask(scene.pod(CLIENT), clusterIp(family), 80).server());
            Thread.sleep(1300);
        }
        assertThat(seen).hasSizeGreaterThan(1);
    }

    @ParameterizedTest
    @EnumSource
    protected void podReachesItselfByItsService(IpFamily family) throws IOException {
        services.replace(program(clusterIp(family, balance(family, 2))));

        Answer answer = scene.ask(scene.pod(2), clusterIp(family), 80);

        assertThat(answer.server()).isEqualTo(2);
        assertThat(answer.source()).isNotEqualTo(ServiceScene.podAddress(2, family));
    }

    @Test
    protected void whatOthersTranslateKeepsItsSource() throws IOException {
        services.replace(web());
        scene.host().exec("nft", "add table ip other");
        scene.host().exec("nft", "add chain ip other pre { type nat hook prerouting priority -100; }");
        scene.host().exec("nft", "add rule ip other pre tcp dport 9090 dnat to 10.244.1.3:8080");

        assertThat(scene.ask(scene.outside(), ServiceScene.nodeAddress(IpFamily.IPV4), 9090))
                .isEqualTo(new Answer(3, ServiceScene.outsideAddress(IpFamily.IPV4)));
    }

    @Test
    protected void manyChangesOfEndpointsCutNoConnectionAndRefuseNoNewOne() throws IOException {
        services.replace(web());
        Map<Socket, Integer> open = new LinkedHashMap<>();
        try {
            for (int i = 0; i < MANY; i++) {
                Socket connection = scene.connect(scene.pod(CLIENT), clusterIp(IpFamily.IPV4), 80);
                open.put(connection, Witness.ask(connection).server());
            }
            for (int i = 0; i < CHANGES; i++) {
                Target target = i % 2 == 0 ? balance(IpFamily.IPV4, 2, 3) : balance(IpFamily.IPV4, 2, 3, 4);
                services.apply(change(clusterIp(IpFamily.IPV4, target)));
                assertThat(scene.ask(scene.pod(CLIENT), clusterIp(IpFamily.IPV4), 80)
                                .server())
                        .isIn(i % 2 == 0 ? List.of(2, 3) : SERVERS);
            }
            for (Map.Entry<Socket, Integer> connection : open.entrySet()) {
                assertThat(Witness.ask(connection.getKey()).server()).isEqualTo(connection.getValue());
            }
        } finally {
            for (Socket connection : open.keySet()) {
                connection.close();
            }
        }
    }

    @Test
    protected void removedServicesLeaveNothing() {
        String before = rules(scene.host());
        services.replace(web());
        assertThat(rules(scene.host())).isNotEqualTo(before);

        services.remove();
        services.remove();

        assertThat(rules(scene.host())).isEqualTo(before);
    }

    @Test
    protected void frontendThatGoesIsNotTranslatedAnyMore() throws IOException {
        services.replace(web());
        Frontend gone = new Frontend(clusterIp(IpFamily.IPV4), Protocol.TCP, 80);

        services.apply(new ServiceChange(List.of(), Set.of(gone), Optional.empty(), Optional.empty()));

        assertThatThrownBy(() -> scene.ask(scene.pod(CLIENT), clusterIp(IpFamily.IPV4), 80))
                .isInstanceOf(ConnectException.class);
        assertThat(scene.ask(scene.pod(CLIENT), clusterIp(IpFamily.IPV6), 80).server())
                .isIn(SERVERS);
    }

    @Test
    protected void whatOthersChangeIsFoundAndMended() {
        for (List<String> drift : drifts()) {
            services.replace(web());
            assertThat(services.audit(web())).as("before %s", drift).isEmpty();
            scene.host().exec(drift.toArray(String[]::new));

            assertThat(services.audit(web())).as("after %s", drift).isNotEmpty();
            services.replace(web());

            assertThat(services.audit(web())).as("%s mended", drift).isEmpty();
        }
    }
}
