package dev.ikat.agent.status;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.FakeCluster;
import dev.ikat.agent.announce.AnnounceState;
import dev.ikat.agent.announce.LinkState;
import dev.ikat.agent.bgp.BgpState;
import dev.ikat.agent.cni.Conflist;
import dev.ikat.agent.cni.ConflistFault;
import dev.ikat.agent.cni.PluginPrograms;
import dev.ikat.agent.dataplane.PolicyState;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.GuardPlanner;
import dev.ikat.agent.overlay.InForce;
import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.agent.overlay.OverlayPlanner;
import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.overlay.OverlayState;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.agent.services.ServiceState;
import dev.ikat.bgp.bird.SessionState;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.Node;
import dev.ikat.cni.CniResponse;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.policy.compiler.AddressContest;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.testbed.host.TestDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What each section tells as JSON, and what people read of it. */
class AgentStatusTest {
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-06-01T12:00:00Z"), ZoneOffset.UTC);

    private static CniResponse ask(StatusSection... sections) {
        AgentStatus status = new AgentStatus();
        List.of(sections).forEach(status::register);
        return status.answer(AgentStatus.QUESTION);
    }

    private static String json(StatusSection... sections) {
        return new String(ask(sections).stdout(), UTF_8);
    }

    /** What people are told of this section, without what they are told of those that did not tell. */
    private static List<String> text(StatusSection section) throws IOException {
        List<String> nothing = StatusText.of(ask().stdout()).lines().toList();
        return StatusText.of(ask(section).stdout())
                .lines()
                .filter(line -> !nothing.contains(line))
                .toList();
    }

    private static Readiness ready() {
        Readiness readiness = new Readiness();
        for (Part part : Part.values()) {
            readiness.ready(part);
        }
        return readiness;
    }

    @Test
    void otherQuestionsAreRefused() {
        CniResponse answer = new AgentStatus().answer("weather");
        assertThat(answer.exitCode()).isEqualTo(1);
        assertThat(answer.stdout()).asString(UTF_8).isEqualTo("unknown question 'weather'");
    }

    @Test
    void findingsInPoliciesHaveAQuestionOfTheirOwn() throws IOException {
        PolicyCompiler compiler = new PolicyCompiler("a");
        AgentStatus status = new AgentStatus()
                .register(PolicyReviewStatus.QUESTION, new PolicyReviewStatus(() -> Optional.of(compiler.review())));
        byte[] clean = status.answer("policies").stdout();
        assertThat(PolicyReviewStatus.read(clean).text()).isEqualTo("policies 0, findings 0\n");
        assertThat(PolicyReviewStatus.read(clean).findings()).isZero();

        compiler.update(new ClusterChange(
                List.of(new NetworkPolicy(
                        "shop", "p", LabelSelector.EVERYTHING, Set.of(Direction.INGRESS), List.of(), List.of())),
                List.of(),
                List.of()));
        byte[] found = status.answer("policies").stdout();
        assertThat(found).asString(UTF_8).isEqualTo("""
                {"policies":1,"findings":1,"list":[{"policy":"shop/p","field":"metadata.namespace",\
                "finding":"there is no namespace 'shop'"}]}""");
        assertThat(PolicyReviewStatus.read(found).text())
                .isEqualTo("policies 1, findings 1\nshop/p: metadata.namespace: there is no namespace 'shop'\n");
        assertThat(PolicyReviewStatus.read(found).findings()).isEqualTo(1);

        byte[] unread = new AgentStatus()
                .register(PolicyReviewStatus.QUESTION, new PolicyReviewStatus(Optional::empty))
                .answer("policies")
                .stdout();
        assertThat(PolicyReviewStatus.read(unread).reviewed()).isFalse();
        assertThat(PolicyReviewStatus.read(unread).text()).contains("has not read");
    }

    @Test
    void sectionsAreToldInTheOrderInWhichTheyWereRegistered() {
        assertThat(json(status -> status.put("b", 1), status -> status.put("a", 2)))
                .isEqualTo("{\"b\":1,\"a\":2}");
    }

    @Test
    void everySectionOfAnAgentThatKnowsNothingYetHasALine() throws IOException {
        assertThat(StatusText.of(ask().stdout())).isEqualTo("""
                node
                ready     no
                running   PT0S
                policies
                packets   not tested yet
                overlay
                leases
                conflist
                cluster   up to date with its source
                errors    none since the start
                """);
    }

    @Test
    void nodeSaysSinceWhenItRunsAndWhatItWaitsFor() throws IOException {
        Readiness readiness = ready();
        readiness.notReady(Part.NODE, "there is no Node object named a");
        NodeStatus node = new NodeStatus("a", readiness, () -> Duration.ofMillis(90_900));

        assertThat(json(node))
                .isEqualTo("{\"node\":\"a\",\"ready\":false,"
                        + "\"waitingFor\":[\"node: there is no Node object named a\"],\"runningSeconds\":90}");
        assertThat(text(node))
                .containsExactly(
                        "node      a",
                        "          waits for node: there is no Node object named a",
                        "running   PT1M30S");
        assertThat(StatusText.isReady(ask(node).stdout())).isFalse();
    }

    @Test
    void nodeInOrderIsReady() throws IOException {
        NodeStatus node = new NodeStatus("a", ready(), () -> Duration.ZERO);
        assertThat(json(node)).contains("\"ready\":true,\"waitingFor\":[]");
        assertThat(text(node)).containsExactly("node      a", "ready     yes");
        assertThat(StatusText.isReady(ask(node).stdout())).isTrue();
    }

    @Test
    void policySaysWhatEnforcesItAndWhichAddressesAreContested() throws IOException {
        AddressContest contest = new AddressContest(
                IpAddress.parse("10.0.0.9"), Set.of("Pod shop/a", "Pod shop/b"), Set.of("Pod shop/b"));
        PolicyState state = new PolicyState(PolicySettings.Backend.EBPF, Optional.empty(), Optional.empty());
        PolicyStatus policy = new PolicyStatus(() -> state, () -> List.of(contest));
        assertThat(json(policy))
                .isEqualTo("{\"policyBackend\":\"ebpf\",\"contestedAddresses\":"
                        + "[\"10.0.0.9 is claimed by Pod shop/a and Pod shop/b; policies believe Pod shop/b\"]}");
        assertThat(text(policy))
                .containsExactly(
                        "policies  ebpf",
                        "          fault: 10.0.0.9 is claimed by Pod shop/a and Pod "
                                + "shop/b; policies believe Pod shop/b");
    }

    @Test
    void reloadSaysWhatIsNotInForceAndNothingWhereAllIs() throws IOException {
        ReloadStatus reload = new ReloadStatus(() -> List.of("--mtu: 12 is invalid"));
        assertThat(json(reload)).isEqualTo("{\"reload\":{\"faults\":[\"--mtu: 12 is invalid\"]}}");
        assertThat(text(reload))
                .containsExactly(
                        "reload    the settings of the last SIGHUP are not, or not all, in force",
                        "          fault: --mtu: 12 is invalid");
        assertThat(text(new ReloadStatus(List::of))).isEmpty();
    }

    @Test
    void policySaysWhatIsNotInForceAndWhatWasRefused() throws IOException {
        PolicyState refused = new PolicyState(
                PolicySettings.Backend.NFTABLES, Optional.empty(), Optional.of("policy-backend ebpf is refused"));
        PolicyStatus policy = new PolicyStatus(() -> refused, List::of);
        assertThat(json(policy))
                .isEqualTo("{\"policyBackend\":\"nftables\","
                        + "\"policyBackendRefused\":\"policy-backend ebpf is refused\",\"contestedAddresses\":[]}");
        assertThat(text(policy))
                .containsExactly("policies  nftables", "          fault: policy-backend ebpf is refused");

        PolicyState never = new PolicyState(PolicySettings.Backend.EBPF, Optional.of("no tcx"), Optional.empty());
        assertThat(text(new PolicyStatus(() -> never, List::of)))
                .containsExactly("policies  ebpf, not in force: no tcx");
    }

    @Test
    void servicesSayWhoHasThemInForceAndWhatIsWrong() throws IOException {
        ServiceState state = new ServiceState(
                Optional.of("nftables"),
                Optional.empty(),
                3,
                5,
                7,
                List.of("the kernel lacks one"),
                List.of("default/web: no such thing"));
        ServiceStatus services = new ServiceStatus(() -> state);
        assertThat(json(services))
                .isEqualTo("{\"services\":{\"dataplane\":\"nftables\",\"ports\":3,\"frontends\":5,"
                        + "\"backends\":7,\"remarks\":[\"the kernel lacks one\"],"
                        + "\"faults\":[\"default/web: no such thing\"]}}");
        assertThat(text(services))
                .containsExactly(
                        "services  nftables, 3 service ports at 5 addresses and ports, 7 backends",
                        "          the kernel lacks one",
                        "          fault: default/web: no such thing");
    }

    @Test
    void bgpSaysWhatHasBecomeOfItsSessionsAndWhatIsWrong() throws IOException {
        BgpState state = new BgpState(
                true,
                Optional.of("refused"),
                true,
                2,
                List.of(
                        new SessionState(
                                "node-b",
                                true,
                                "Established",
                                Optional.of(Instant.ofEpochSecond(1_790_000_000)),
                                1,
                                2,
                                Optional.of("Socket: Connection closed")),
                        new SessionState(
                                "peer-tor",
                                false,
                                "Connect",
                                Optional.empty(),
                                0,
                                0,
                                Optional.of("Socket: Connection refused"))),
                List.of("BgpPeer tor: spec.as: wrong"));

        assertThat(text(new BgpStatus(() -> state)))
                .containsExactly(
                        "bgp       BIRD answers, 1 of 2 sessions established, 2 routes announced",
                        "          node-b Established since 2026-09-21T14:13:20Z, 1 routes received, 2 sent",
                        "          peer-tor Connect, 0 routes received, 0 sent (last error: Socket: Connection refused)",
                        "          fault: refused",
                        "          fault: BgpPeer tor: spec.as: wrong");
        assertThat(json(new BgpStatus(() -> BgpState.OFF))).isEqualTo("{}");
    }

    @Test
    void announcingSaysWhoHasWhichAddressAndWhyNobodyHasOne() throws IOException {
        SortedMap<IpAddress, Optional<String>> owners = new TreeMap<>(Map.of(
                IpAddress.parse("192.0.2.1"), Optional.of("a"),
                IpAddress.parse("192.0.2.2"), Optional.of("b"),
                IpAddress.parse("192.0.2.3"), Optional.empty()));
        LinkState link = new LinkState(
                new InterfaceName("eth0"),
                "takes part",
                true,
                Set.of("b"),
                Set.of(),
                owners,
                1,
                List.of(),
                Optional.empty());
        AnnounceState state = new AnnounceState(
                true,
                "a",
                List.of(link),
                new TreeMap<>(Map.of(IpAddress.parse("192.0.2.3"), Set.of())),
                List.of("eth7: wrong"));

        assertThat(text(new AnnounceStatus(() -> state)))
                .containsExactly(
                        "announce  by ARP and neighbour discovery",
                        "          eth0: this node takes part, hears 1 others, announces 1 of 3 addresses",
                        "          192.0.2.1 on eth0: announced by this node",
                        "          192.0.2.2 on eth0: announced by b",
                        "          192.0.2.3 on eth0: announced by no node, because externalTrafficPolicy is Local, and no"
                                + " node has a ready endpoint",
                        "          fault: eth7: wrong");
        assertThat(json(new AnnounceStatus(() -> AnnounceState.OFF))).isEqualTo("{}");
    }

    @Test
    void servicesSayWhyIkatDoesNotHaveThem() throws IOException {
        assertThat(text(new ServiceStatus(() -> ServiceState.OFF)))
                .containsExactly("services  not by Ikat: services is false");
    }

    private static Node node(String name, String address, String podCidr) {
        return new Node(name, Labels.NONE, List.of(Cidr.parse(podCidr)), List.of(IpAddress.parse(address)));
    }

    /** A node with one peer on its link and one behind a router. */
    private static NodeSituation situation() {
        Uplink uplink =
                new Uplink(3, new InterfaceName("eth0"), 1500, List.of(InterfaceAddress.parse("192.168.0.1/24")));
        Node self = node("a", "192.168.0.1", "10.244.1.0/24");
        List<Node> nodes =
                List.of(self, node("b", "192.168.0.2", "10.244.2.0/24"), node("c", "192.168.9.3", "10.244.0.0/24"));
        OverlaySettings settings = new OverlaySettings(OverlayMode.AUTO, 4796, 8472, 0, true);
        OverlayState overlay = OverlayPlanner.plan(settings, self, nodes, uplink, Set.of(), InForce.NOTHING);
        return new NodeSituation(
                self,
                uplink,
                overlay,
                new MasqueradeState(Set.of(), Set.of()),
                GuardPlanner.plan(settings, self, nodes, uplink, overlay, false));
    }

    @Test
    void overlaySaysTheWayToEachNodesPods() throws IOException {
        NodeFault fault = new NodeFault("d", NodeFault.Cause.ROUTE, "a route of BIRD is in the way to node d");
        OverlayStatus overlay =
                new OverlayStatus(OverlayMode.AUTO, () -> Optional.of(situation()), () -> List.of(fault));
        assertThat(json(overlay))
                .isEqualTo("{\"overlay\":{\"mode\":\"auto\",\"uplink\":\"eth0\",\"podMtu\":1450,\"peers\":["
                        + "{\"pods\":\"10.244.0.0/24\",\"by\":\"tunnel\",\"via\":\"10.244.0.0\"},"
                        + "{\"pods\":\"10.244.2.0/24\",\"by\":\"route\",\"via\":\"192.168.0.2\"}],"
                        + "\"faults\":[\"a route of BIRD is in the way to node d\"]}}");
        assertThat(text(overlay))
                .containsExactly(
                        "overlay   auto, uplink eth0, pods' MTU 1450",
                        "          10.244.0.0/24 by tunnel via 10.244.0.0",
                        "          10.244.2.0/24 by route via 192.168.0.2",
                        "          fault: a route of BIRD is in the way to node d");
    }

    @Test
    void overlayOfAnUnknownNodeHasItsModeOnly() throws IOException {
        OverlayStatus overlay = new OverlayStatus(OverlayMode.VXLAN, Optional::empty, List::of);
        assertThat(json(overlay)).isEqualTo("{\"overlay\":{\"mode\":\"vxlan\",\"faults\":[]}}");
        assertThat(text(overlay)).containsExactly("overlay   vxlan");
    }

    @Test
    void leasesSayWhatIsLeftAndWhatWasLost() throws IOException {
        AddressPlan plan = AddressPlan.of(Cidr.parse("10.244.1.0/24"));
        try (TestDirectory directory = TestDirectory.create();
                LeaseStore store = LeaseStore.open(directory.path().resolve("leases"), NOON)) {
            store.allocate(
                    new Attachment(new ContainerId("c1"), new InterfaceName("eth0")),
                    new NetworkName("pods"),
                    Optional.empty(),
                    plan,
                    List.of());
            LeaseStatus leases =
                    new LeaseStatus(store, () -> Optional.of(plan), () -> List.of("2 leases were rebuilt"));
            assertThat(json(leases))
                    .isEqualTo("{\"leases\":{\"held\":1,\"ranges\":"
                            + "[{\"range\":\"10.244.1.0/24\",\"leased\":1,\"free\":253}],"
                            + "\"faults\":[\"2 leases were rebuilt\"]}}");
            assertThat(text(leases))
                    .containsExactly(
                            "leases    1",
                            "          10.244.1.0/24: 1 addresses leased, 253 free",
                            "          fault: 2 leases were rebuilt");
            assertThat(json(new LeaseStatus(store, Optional::empty, List::of)))
                    .isEqualTo("{\"leases\":{\"held\":1,\"ranges\":[],\"faults\":[]}}");
        }
    }

    @Test
    void networkConfigurationSaysWhichPluginsRunAndWhatIsWrong() throws IOException {
        try (TestDirectory netD = TestDirectory.create()) {
            Path file = netD.path().resolve("10-ikat.conflist");
            Files.writeString(
                    file, "{\"name\": \"ikat\", \"plugins\": [{\"type\": \"ikat\"}, {\"type\": \"istio-cni\"}]}");
            Path drop = Files.createDirectory(netD.path().resolve("ikat")).resolve("50-mesh.conf");
            Files.writeString(drop, "{\"type\": \"mesh\"}");
            ConflistStatus conflist = new ConflistStatus(
                    new Conflist(netD.path(), "10-ikat.conflist", List.of(), true, new PluginPrograms(List.of())),
                    () -> List.of(new ConflistFault(ConflistFault.Cause.READ_FIRST, "runtimes read another")));
            assertThat(json(conflist))
                    .isEqualTo("{\"conflist\":{\"file\":\"" + file + "\",\"plugins\":[\"ikat\",\"istio-cni\"],"
                            + "\"loadedBesides\":[{\"file\":\"" + drop + "\",\"plugin\":\"mesh\"}],"
                            + "\"faults\":[\"runtimes read another\"]}}");
            assertThat(text(conflist))
                    .containsExactly(
                            "conflist  " + file + ": ikat, istio-cni",
                            "          " + drop + ": mesh (read by runtimes with libcni 1.3)",
                            "          fault: runtimes read another");
        }
    }

    @Test
    void sourceSaysThatItsStateIsOldAndWhatItCannotRead() throws IOException {
        SourceStatus source = new SourceStatus(
                new FakeCluster().degraded("the API does not answer").fault("pods.yaml:3:5", "there is no kind Pot"));
        assertThat(json(source))
                .isEqualTo("{\"cluster\":{\"degraded\":\"the API does not answer\","
                        + "\"faults\":[\"pods.yaml:3:5: there is no kind Pot\"]}}");
        assertThat(text(source))
                .containsExactly(
                        "cluster   the API does not answer", "          fault: pods.yaml:3:5: there is no kind Pot");
    }

    @Test
    void sourceWithFaultsIsNotSaidToBeInOrder() throws IOException {
        assertThat(text(new SourceStatus(new FakeCluster().fault("pods.yaml", "it is empty"))))
                .containsExactly("cluster", "          fault: pods.yaml: it is empty");
    }

    @Test
    void errorsAreToldWithTheirTimeAndHowOften() throws IOException {
        RecentErrors recent = new RecentErrors(NOON);
        recent.add("overlay", "no such device");
        recent.add("ADD c1", "try again");
        recent.add("ADD c1", "try again");
        ErrorStatus errors = new ErrorStatus(recent);
        assertThat(json(errors))
                .isEqualTo("{\"recentErrors\":["
                        + "{\"at\":\"2026-06-01T12:00:00Z\",\"in\":\"overlay\",\"error\":\"no such device\",\"times\":1},"
                        + "{\"at\":\"2026-06-01T12:00:00Z\",\"in\":\"ADD c1\",\"error\":\"try again\",\"times\":2}]}");
        assertThat(text(errors))
                .containsExactly(
                        "errors",
                        "          2026-06-01T12:00:00Z overlay: no such device",
                        "          2026-06-01T12:00:00Z ADD c1: try again (2 times)");
    }
}
