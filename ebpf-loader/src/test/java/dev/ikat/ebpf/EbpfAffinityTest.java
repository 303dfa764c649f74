package dev.ikat.ebpf;

import static dev.ikat.ebpf.WebService.frontend;
import static dev.ikat.ebpf.WebService.program;
import static dev.ikat.ebpf.WebService.service;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How clients keep their backends in the programs, and on the way between these and nftables. */
@RequiresRoot
@RequiresProgram({"nft", "ss", "conntrack"})
class EbpfAffinityTest extends ServedPods {
    private static final int CLIENT = 1;
    private static final List<Integer> SERVERS = List.of(2, 3, 4);
    /** Enough that one of three servers is left out by chance once in ten million times. */
    private static final int MANY = 40;

    private static final Duration HOUR = Duration.ofHours(1);

    @BeforeEach
    void serve() {
        connectOutside();
        SERVERS.forEach(number -> keep(Probe.serve(pod(number), PORT)));
    }

    private static FrontendProgram sticky(IpFamily family, Duration time, int... servers) {
        Backend[] backends = new Backend[servers.length];
        for (int i = 0; i < servers.length; i++) {
            backends[i] = backend(servers[i], family);
        }
        return frontend(Protocol.TCP, family, Optional.of(time), backends);
    }

    private static FrontendProgram sticky(IpFamily family) {
        return sticky(family, HOUR, 2, 3, 4);
    }

    /** The same for nftables alone, which lets the pods and the node in. */
    private static FrontendProgram ranged(IpFamily family) {
        FrontendProgram plain = sticky(family);
        return new FrontendProgram(
                plain.frontend(),
                plain.service(),
                plain.kind(),
                plain.inside(),
                plain.outside(),
                plain.keepsSource(),
                plain.affinity(),
                List.of(single(address(CLIENT, family)), single(nodeAddress(family))));
    }

    private static Cidr single(IpAddress address) {
        return new Cidr(address, address.family().bits());
    }

    private void change(FrontendProgram... changed) {
        services.apply(new ServiceChange(List.of(changed), Set.of(), Optional.empty(), Optional.empty()));
    }

    /** Which server answers a new connection. */
    private int server(TestNamespace from, IpFamily family) {
        try (Socket socket = InNamespace.call(from.path(), () -> {
            try {
                return new Socket(service(family).toInetAddress(), 80);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        })) {
            socket.setSoTimeout(5000);
            socket.getOutputStream().write(1);
            assertThat(socket.getInputStream().read()).isEqualTo(1);
            // The client's port may be another one there, and a former connection may just be ending.
            Await.until(
                    Duration.ofSeconds(5),
                    () -> connected().toString(),
                    () -> connected().size() == 1);
            return connected().getFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<Integer> connected() {
        return SERVERS.stream()
                .filter(number -> !pod(number)
                        .exec("ss", "-Htn", "state", "established", "sport = :" + PORT)
                        .isBlank())
                .toList();
    }

    private Set<Integer> servers(TestNamespace from, IpFamily family) {
        Set<Integer> servers = new TreeSet<>();
        for (int i = 0; i < MANY; i++) {
            servers.add(server(from, family));
        }
        return servers;
    }

    /** Each of these clients' only server. */
    private List<Integer> kept(IpFamily family, TestNamespace... clients) {
        return List.of(clients).stream()
                .map(client -> {
                    Set<Integer> servers = servers(client, family);
                    assertThat(servers).hasSize(1);
                    return servers.iterator().next();
                })
                .toList();
    }

    /** What netfilter has translated. */
    private String translated(IpFamily family) {
        return host().exec(
                        "conntrack",
                        "-L",
                        "-f",
                        family == IpFamily.IPV4 ? "ipv4" : "ipv6",
                        "-d",
                        service(family).toString());
    }

    @ParameterizedTest
    @EnumSource
    void podsAndTheNodeKeepTheirBackendsPastNetfilter(IpFamily family) {
        services.replace(program(sticky(family)));

        List<Integer> before = kept(family, pod(CLIENT), host());

        assertThat(translated(family)).isEmpty();
        assertThat(services.stickyClients(program(sticky(family))))
                .extracting(StickyClient::address, StickyClient::backend)
                .containsExactlyInAnyOrder(
                        tuple(address(CLIENT, family), backend(before.get(0), family)),
                        tuple(nodeAddress(family), backend(before.get(1), family)));
    }

    @ParameterizedTest
    @EnumSource
    void clientsKeepTheirBackendsWithANewAgent(IpFamily family) {
        services.replace(program(sticky(family)));
        List<Integer> before = kept(family, pod(CLIENT), host());

        services.leave();
        services = new NodeServices(host(), EbpfSettings.USUAL);
        services.replace(program(sticky(family)));

        assertThat(kept(family, pod(CLIENT), host())).isEqualTo(before);
        assertThat(services.audit(program(sticky(family)))).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void clientsKeepTheirBackendsWhereAFrontendIsNetfiltersForAWhile(IpFamily family) {
        services.replace(program(ranged(family)));
        List<Integer> before = kept(family, pod(CLIENT), host());
        assertThat(translated(family)).isNotEmpty();

        change(sticky(family));
        host().exec("conntrack", "-F");
        assertThat(kept(family, pod(CLIENT), host())).isEqualTo(before);
        assertThat(translated(family)).isEmpty();
        change(sticky(family, HOUR, 2, 3));
        List<Integer> others = kept(family, pod(CLIENT), host());
        assertThat(others).doesNotContain(4);

        change(ranged(family));
        assertThat(kept(family, pod(CLIENT), host())).isEqualTo(others);
        assertThat(services.audit(program(ranged(family)))).isEmpty();
    }

    /** Policies go to another backend before services do. */
    @ParameterizedTest
    @EnumSource
    void clientsKeepTheirBackendsWhenThePoliciesLeave(IpFamily family) {
        services.replace(program(sticky(family)));
        List<Integer> before = kept(family, pod(CLIENT), host());

        services.backend().handOver();

        assertThat(kept(family, pod(CLIENT), host())).isEqualTo(before);
        assertThat(translated(family)).isNotEmpty();
    }

    /** Its programs are attached a moment after its first connections, which netfilter translates. */
    @ParameterizedTest
    @EnumSource
    void newPodKeepsTheBackendOfItsFirstConnections(IpFamily family) {
        services.replace(program(sticky(family)));
        host().ip("link", "del", RoutedNode.endpoint(CLIENT).hostInterface().value());
        TestNamespace made = node.addPod(RoutedNode.endpoint(CLIENT));

        int first = server(made, family);

        services.awaitTranslation();
        assertThat(kept(family, made)).containsExactly(first);
    }

    @ParameterizedTest
    @EnumSource
    void clientsOfTheNodesAddressAreTheNode(IpFamily family) {
        services.replace(
                program(sticky(family)),
                List.of(new StickyClient(
                        nodeAddress(family), sticky(family).frontend(), backend(3, family), Duration.ofMinutes(5))));

        assertThat(kept(family, host())).containsExactly(3);
    }

    @ParameterizedTest
    @EnumSource
    void clientsAreForgottenWithTheirBackendAndTheirService(IpFamily family) {
        ServiceProgram all = program(sticky(family));
        services.replace(all);
        int server = kept(family, pod(CLIENT)).getFirst();
        int other = server == 2 ? 3 : 2;

        change(sticky(family, HOUR, other));
        change(sticky(family));
        assertThat(services.stickyClients(all)).isEmpty();

        kept(family, pod(CLIENT));
        Frontend frontend = sticky(family).frontend();
        services.apply(new ServiceChange(List.of(), Set.of(frontend), Optional.empty(), Optional.empty()));
        change(sticky(family));
        assertThat(services.stickyClients(all)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void eachNewConnectionBeginsTheTimeAnew(IpFamily family) throws InterruptedException {
        services.replace(program(sticky(family, Duration.ofSeconds(4), 2, 3, 4)));
        Set<Integer> seen = new TreeSet<>();

        // More than twice the time.
        for (int i = 0; i < 20; i++) {
            seen.add(server(pod(CLIENT), family));
            Thread.sleep(500);
        }

        assertThat(seen).hasSize(1);
    }
}
