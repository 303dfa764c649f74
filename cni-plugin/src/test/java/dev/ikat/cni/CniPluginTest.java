package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.LeaseState;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.OperState;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
class CniPluginTest {
    private static final Duration LIMIT = Duration.ofSeconds(3);

    private final List<AutoCloseable> opened = new ArrayList<>();

    @TempDir
    private Path directory;

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable closeable : opened.reversed()) {
            closeable.close();
        }
    }

    private <T extends AutoCloseable> T open(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    private Node node() {
        return node(StepObserver.NONE);
    }

    private Node node(StepObserver observer) {
        return open(new Node(directory, Node.dualStack(), observer, false));
    }

    private static Probe.Target icmp(TestNamespace from, String to) {
        return Probe.Target.icmp(from, IpAddress.parse(to));
    }

    private TestNamespace pod() {
        return open(TestNamespace.create());
    }

    @Test
    void podIsWiredAndReachesItsNode() {
        Node node = node();
        TestNamespace pod = pod();
        node.namespace.ip("link", "set", "lo", "up");
        node.namespace.ip("address", "add", "192.0.2.1/32", "dev", "lo");

        CniResponse response = node.add("c1", pod);

        assertThat(response.exitCode()).as(Node.text(response)).isZero();
        assertThat(pod.ip("-o", "address", "show", "eth0"))
                .contains("10.77.0.1/32")
                .contains("fd77::1/128");
        assertThat(Probe.failures(List.of(icmp(pod, "192.0.2.1")), LIMIT)).isEmpty();
        assertThat(Node.json(node.add("c1", pod)))
                .hasToString(Node.json(response).toString());
    }

    /** The kernel drops what is sent before its link watch has heard of the other end. */
    @Test
    void podSendsFromTheFirstMomentOn() {
        TestNamespace pod = pod();
        NetworkNamespace namespace = open(NetworkNamespace.open(pod.path()));
        Rtnetlink inPod = open(Rtnetlink.open(namespace));
        List<OperState> seen = new ArrayList<>();
        Node node = node((verb, step) -> {
            if (verb == Verb.ADD && step.equals("commit")) {
                // A list, as being asked for one link has the kernel finish it.
                seen.addAll(inPod.links().stream()
                        .filter(link -> link.name().value().equals("eth0"))
                        .map(Link::operState)
                        .toList());
            }
        });

        for (int i = 0; i < 100; i++) {
            node.add("c1", pod);
            node.del("c1", pod);
        }

        assertThat(seen).hasSize(100).containsOnly(OperState.UP);
    }

    @Test
    void hostEndListensToNothingWhateverTheDefaultsSay() {
        Node node = node();
        List<String> settings = List.of(
                "net.ipv4.conf.%s.arp_accept",
                "net.ipv4.conf.%s.proxy_arp",
                "net.ipv4.conf.%s.accept_redirects",
                "net.ipv4.conf.%s.accept_source_route",
                "net.ipv4.conf.%s.rp_filter",
                "net.ipv4.conf.%s.route_localnet",
                "net.ipv6.conf.%s.accept_ra",
                "net.ipv6.conf.%s.accept_redirects",
                "net.ipv6.conf.%s.accept_untracked_na",
                "net.ipv6.conf.%s.seg6_enabled");
        settings.forEach(setting -> node.namespace.sysctl(setting.formatted("default"), "1"));

        node.add("c1", pod());

        String hostEnd = node.namespace.linkNames().stream()
                .filter(link -> link.startsWith("ik"))
                .findFirst()
                .orElseThrow();
        assertThat(node.namespace.ip("link", "show", hostEnd)).contains("NOARP");
        assertThat(settings)
                .allSatisfy(setting -> assertThat(node.namespace.exec("sysctl", "-n", setting.formatted(hostEnd)))
                        .as(setting)
                        .isEqualTo("0\n"));
    }

    @Test
    void podsOfOneNodeReachEachOtherOnceItForwards() {
        Node node = node();
        TestNamespace first = pod();
        TestNamespace second = pod();
        node.namespace.sysctl("net.ipv4.ip_forward", "1");
        node.namespace.sysctl("net.ipv6.conf.all.forwarding", "1");

        node.add("c1", first);
        node.add("c2", second);

        assertThat(Probe.failures(List.of(icmp(first, "10.77.0.2"), icmp(first, "fd77::2")), LIMIT))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"lease", "link", "pod", "policy", "host", "commit"})
    void failureAtAnyStepOfAddLeavesNothing(String failing) {
        Node node = node((verb, step) -> {
            if (verb == Verb.ADD && step.equals(failing)) {
                throw new IllegalStateException("injected at " + step);
            }
        });
        TestNamespace pod = pod();

        CniResponse response = node.add("c1", pod);

        assertThat(response.exitCode()).isEqualTo(1);
        assertThat(Node.text(response)).contains("injected at " + failing);
        assertThat(node.remains()).isEmpty();
        assertThat(pod.linkNames()).containsExactly("lo");
    }

    @ParameterizedTest
    @ValueSource(strings = {"release", "unroute", "reap", "delete", "free"})
    void interruptedDelIsFinishedByTheNextOne(String failing) {
        List<String> fail = new ArrayList<>(List.of(failing));
        Node node = node((verb, step) -> {
            if (verb == Verb.DEL && fail.remove(step)) {
                throw new IllegalStateException("injected at " + step);
            }
        });
        TestNamespace pod = pod();
        node.add("c1", pod);

        assertThat(node.del("c1", pod).exitCode()).isEqualTo(1);
        assertThat(node.del("c1", pod).exitCode()).isZero();

        assertThat(node.remains()).isEmpty();
    }

    @Test
    void takenInterfaceIsLeftAloneAndSaid() {
        Node node = node();
        TestNamespace pod = pod();
        pod.ip("link", "add", "eth0", "type", "bridge");

        CniResponse response = node.add("c1", pod);

        assertThat(Node.json(response).get("code").number()).isEqualTo(CniError.INTERFACE_TAKEN.code());
        assertThat(pod.linkNames()).contains("eth0");
        assertThat(node.remains()).isEmpty();
    }

    @Test
    void foreignLinkOfTheHostEndsNameIsLeftAsItIs() {
        Node node = node();
        String hostName = PodLink.of(Node.attachment("c1")).hostName().value();
        node.namespace.ip("link", "add", hostName, "type", "veth", "peer", "name", "foreign");

        CniResponse response = node.add("c1", pod());

        assertThat(Node.json(response).get("code").number()).isEqualTo(CniError.INTERFACE_TAKEN.code());
        assertThat(node.namespace.ip("-d", "link", "show", hostName))
                .contains("veth")
                .doesNotContain("alias");
        assertThat(node.leases.leases()).isEmpty();
    }

    @Test
    void versionNeedsNoConfiguration() {
        assertThat(Node.text(node().call(Verb.VERSION, Map.of(), ""))).contains("\"1.1.0\"");
    }

    @Test
    void rebuiltSandboxIsWiredAgainWithTheSameAddress() {
        Node node = node();
        TestNamespace old = pod();
        node.add("c1", old);
        TestNamespace rebuilt = pod();

        CniResponse response = node.add("c1", rebuilt);

        assertThat(response.exitCode()).as(Node.text(response)).isZero();
        assertThat(rebuilt.ip("-o", "address", "show", "eth0")).contains("10.77.0.1/32");
        assertThat(old.linkNames()).containsExactly("lo");
    }

    @Test
    void podWithIpv6SwitchedOffGetsItSwitchedOn() {
        Node node = node();
        TestNamespace pod = pod();
        pod.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        pod.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
        assertThat(pod.ip("-o", "address", "show", "lo")).doesNotContain("::1/128");

        CniResponse response = node.add("c1", pod);

        assertThat(response.exitCode()).as(Node.text(response)).isZero();
        assertThat(pod.ip("-o", "address", "show", "eth0")).contains("fd77::1/128");
        // Else the pod would not reach its own address.
        assertThat(pod.ip("-o", "address", "show", "lo")).contains("::1/128");
    }

    @Test
    void hostWithIpv6SwitchedOffCarriesItToItsPodsOnly() {
        Node node = node();
        node.namespace.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        node.namespace.sysctl("net.ipv6.conf.all.disable_ipv6", "1");

        CniResponse response = node.add("c1", pod());

        assertThat(response.exitCode()).as(Node.text(response)).isZero();
        String hostEnd = PodLink.of(Node.attachment("c1")).hostName().value();
        assertThat(node.namespace.ip("-6", "route")).contains("fd77::1 dev " + hostEnd);
        assertThat(node.namespace.ip("-6", "address"))
                .as("its own link-local one")
                .doesNotContain("fe80:");
        assertThat(node.namespace.exec(
                        "sysctl",
                        "-n",
                        "net.ipv6.conf.default.disable_ipv6",
                        "net.ipv6.conf.all.disable_ipv6",
                        "net.ipv6.conf." + hostEnd + ".disable_ipv6"))
                .isEqualTo("1\n1\n0\n");
    }

    @Test
    void podAndHostWithIpv6SwitchedOffReachEachOtherByIt() {
        Node node = node();
        TestNamespace pod = pod();
        for (TestNamespace namespace : List.of(node.namespace, pod)) {
            namespace.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        }
        node.namespace.ip("-6", "address", "add", "fd31::1/128", "dev", "lo");

        node.add("c1", pod);

        assertThat(Probe.failures(List.of(icmp(pod, "fd31::1")), LIMIT)).isEmpty();
    }

    @Test
    void fullRangeSaysSoAndRecoversAtTheFirstDel() {
        Node node = open(new Node(directory, AddressPlan.of(Cidr.parse("10.77.0.0/30")), StepObserver.NONE, false));
        TestNamespace pod = pod();
        node.add("c1", pod);
        node.call(Verb.ADD, "c1", "eth1", pod.path(), "");

        CniResponse full = node.call(Verb.ADD, "c1", "eth2", pod.path(), "");
        node.call(Verb.DEL, "c1", "eth1", pod.path(), "");
        CniResponse after = node.call(Verb.ADD, "c1", "eth2", pod.path(), "");

        assertThat(Node.json(full).get("code").number()).isEqualTo(11);
        assertThat(Node.text(full)).contains("10.77.0.0/30");
        assertThat(after.exitCode()).as(Node.text(after)).isZero();
    }

    @Test
    void ownNamespaceIsNoPod() {
        Node node = node();

        CniResponse response = node.call(Verb.ADD, "c1", "eth0", node.namespace.path(), "");

        assertThat(Node.json(response).get("code").number()).isEqualTo(4);
    }

    @Test
    void collectionKeepsWhatIsListedAndRemovesTheRest() {
        Node node = node();
        TestNamespace kept = pod();
        TestNamespace gone = pod();
        node.add("kept", kept);
        node.add("gone", gone);

        CniResponse response = node.call(Verb.GC, Map.of(), """
                {"cniVersion": "1.1.0", "name": "test", "type": "ikat",
                 "cni.dev/valid-attachments": [{"containerID": "kept", "ifname": "eth0"}]}""");

        assertThat(response.exitCode()).as(Node.text(response)).isZero();
        assertThat(node.leases.find(Node.attachment("kept"))).isPresent();
        assertThat(node.leases.find(Node.attachment("gone"))).isEmpty();
        assertThat(gone.linkNames()).containsExactly("lo");
        assertThat(kept.linkNames()).contains("eth0");
    }

    @Test
    void batchReaperEndsWhatWasReleased() throws Exception {
        Node node = new Node(directory, Node.dualStack(), StepObserver.NONE, true);
        List<TestNamespace> pods = List.of(pod(), pod(), pod(), pod());
        for (int i = 0; i < pods.size(); i++) {
            node.add("c" + i, pods.get(i));
        }
        for (int i = 0; i < pods.size(); i++) {
            node.del("c" + i, pods.get(i));
        }
        // Two are wanted again before the reaper came, one of them at the same time as the rest is reaped.
        try (var executor = Executors.newFixedThreadPool(2)) {
            Future<CniResponse> again = executor.submit(() -> node.add("c0", pods.get(0)));
            Future<CniResponse> other = executor.submit(() -> node.add("c1", pods.get(1)));
            assertThat(again.get().exitCode()).as(Node.text(again.get())).isZero();
            assertThat(other.get().exitCode()).as(Node.text(other.get())).isZero();
        }

        node.reaper.close();

        try (node) {
            assertThat(node.leases.leases()).hasSize(2).allMatch(lease -> lease.state() == LeaseState.ACTIVE);
            assertThat(node.namespace.linkNames()).hasSize(3);
            assertThat(pods.get(2).linkNames()).containsExactly("lo");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'{', 6",
        "'[]', 6",
        "'{\"cniVersion\": \"1.0.0\", \"cniVersion\": \"1.0.0\"}', 6",
        "'{\"cniVersion\": \"9.9.9\", \"name\": \"n\"}', 1",
        "'{\"name\": \"n\"}', 1",
        "'{\"cniVersion\": \"1.0.0\"}', 7",
        "'{\"cniVersion\": \"1.0.0\", \"name\": \"-\"}', 7",
        "'{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"mtu\": 100}', 7",
        "'{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"ipam\": {\"type\": \"host-local\"}}', 2",
        "'{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"ipam\": {\"ranges\": [[{\"subnet\": \"10.0.0.1/8\"}]]}}', 7",
        "'{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"runtimeConfig\": {\"ips\": [\"x\"]}}', 7",
        "'{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"prevResult\": {\"interfaces\": [{\"name\": \"x\"}]}}', 7",
    })
    void invalidConfigurationIsRefusedWithItsCode(String stdin, int code) {
        Node node = node();

        CniResponse response = node.call(
                Verb.ADD,
                Map.of(
                        "CNI_CONTAINERID",
                        "c1",
                        "CNI_IFNAME",
                        "eth0",
                        "CNI_NETNS",
                        pod().path().toString()),
                stdin);

        assertThat(Node.json(response).get("code").number())
                .as(Node.text(response))
                .isEqualTo(code);
        assertThat(node.remains()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "eth%d, eth%d",
        "%, '%'",
        "all, all",
        "default, default",
        "., '.'",
        ".., '..'",
        "a/b, a/b",
        "'a\u001bb', U+001B"
    })
    void interfaceNameThatAPodCanNotHaveIsRefusedWithWhy(String name, String why) {
        Node node = node();

        CniResponse response = node.call(Verb.ADD, "c1", name, pod().path(), "");

        assertThat(Node.json(response).get("code").number())
                .as(Node.text(response))
                .isEqualTo(4);
        assertThat(Node.json(response).get("msg").text()).contains("CNI_IFNAME");
        assertThat(Node.json(response).get("details").text()).contains(why);
        assertThat(node.remains()).isEmpty();
    }

    /** Earlier versions took such names, and runtimes repeat a DEL that fails for ever. */
    @ParameterizedTest
    @ValueSource(strings = {"eth%d", "a\u001bb"})
    void interfaceOfANameThatIsNoLongerTakenCanBeDeleted(String name) {
        Node node = node();
        node.leases.allocate(
                new Attachment(new ContainerId("c1"), new InterfaceName(name)),
                new NetworkName("test"),
                Optional.empty(),
                Node.dualStack(),
                List.of());

        for (int i = 0; i < 2; i++) {
            CniResponse response = node.call(Verb.DEL, "c1", name, Path.of("/run/netns/gone"), "");

            assertThat(response.exitCode()).as(Node.text(response)).isZero();
        }
        assertThat(node.leases.leases()).isEmpty();
    }

    @Test
    void requestedAddressComesFromCapabilityOrArguments() {
        Node node = node();
        TestNamespace first = pod();
        TestNamespace second = pod();

        node.call(
                Verb.ADD,
                "c1",
                "eth0",
                first.path(),
                ", \"runtimeConfig\": {\"ips\": [\"10.77.0.9/24\", \"fd77::9\"]}");
        node.call(
                Verb.ADD,
                Map.of(
                        "CNI_CONTAINERID",
                        "c2",
                        "CNI_IFNAME",
                        "eth0",
                        "CNI_NETNS",
                        second.path().toString(),
                        "CNI_ARGS",
                        "IgnoreUnknown=1;X=Y;IP=10.77.0.10"),
                Node.CONFIG.formatted(""));

        assertThat(first.ip("-o", "address", "show", "eth0"))
                .contains("10.77.0.9/32")
                .contains("fd77::9/128");
        assertThat(second.ip("-o", "address", "show", "eth0")).contains("10.77.0.10/32");
    }
}
