package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A host that Ikat has left is as it was before Ikat came; and what the agent says of itself until then. */
@RequiresRoot
@RequiresProgram({"ipset", "tc"})
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class UninstallIT {
    private static final String POLICY = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: deny, namespace: default}
            spec:
              podSelector: {}
            """;
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Path BPFTOOL = Path.of("/usr/sbin/bpftool");

    private Cluster cluster;
    private ClusterNode node;
    private Path plugins;

    @AfterEach
    void remove() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private void make() {
        cluster = Cluster.create(Cluster.Options.nodes(2));
        node = cluster.node(0);
        plugins = node.runDirectory().resolveSibling("bin");
        cluster.apply("deny.yaml", POLICY);
        cluster.apply("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: default}\n");
    }

    /** All that Ikat could change of a host: links, addresses, routes, rules, sets, programs, settings, files. */
    private List<String> host() throws IOException {
        List<String> host = new ArrayList<>(node.state());
        // Tables of iptables' nft variant appear when somebody merely lists them.
        host.removeIf(line -> line.startsWith("nft "));
        host.add(node.namespace().exec("nft", "list", "tables", "inet"));
        for (String program : List.of(
                "iptables-nft-save",
                "ip6tables-nft-save",
                "iptables-legacy-save",
                "ip6tables-legacy-save",
                "ipset save")) {
            node.namespace()
                    .exec(program.split(" ", -1))
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    // Packets counted by the chains of others.
                    .map(line -> line.replaceFirst("\\[\\d+:\\d+]$", ""))
                    .forEach(line -> host.add(program + " " + line));
        }
        for (String link : node.namespace().linkNames()) {
            lines(host, "tc", "qdisc", "show", "dev", link);
            lines(host, "tc", "filter", "show", "dev", link, "ingress");
            lines(host, "tc", "filter", "show", "dev", link, "egress");
        }
        files(host, pins());
        for (String setting : List.of(
                "net.ipv4.ip_forward",
                "net.ipv4.conf.eth0.forwarding",
                "net.ipv4.conf.all.rp_filter",
                "net.ipv6.conf.all.forwarding",
                "net.ipv6.conf.eth0.forwarding",
                "net.ipv6.conf.eth0.accept_ra")) {
            host.add(node.namespace().exec("sysctl", setting).strip());
        }
        for (Path directory : List.of(node.confDirectory(), node.runDirectory(), node.stateDirectory(), plugins)) {
            files(host, directory);
        }
        return host;
    }

    private void lines(List<String> host, String... command) {
        String name = String.join(" ", command);
        node.namespace().exec(command).lines().forEach(line -> host.add(name + ": " + line));
    }

    /** Names and sizes, of directories too. */
    private static void files(List<String> host, Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.sorted().toList()) {
                    host.add("file " + file + (Files.isRegularFile(file) ? " " + Files.size(file) : ""));
                }
            }
        }
    }

    /** Where the node's eBPF backend has its names. */
    private Path pins() throws IOException {
        return Path.of(
                "/sys/fs/bpf/ikat",
                Files.getAttribute(node.namespace().path(), "unix:ino").toString());
    }

    /** Links, programs and maps that the node's names keep, as {@code link id 7}. */
    private Set<String> pinnedObjects() throws IOException {
        Set<String> objects = new TreeSet<>();
        if (!Files.isDirectory(pins()) || !Files.isExecutable(BPFTOOL)) {
            return objects;
        }
        try (DirectoryStream<Path> names = Files.newDirectoryStream(pins())) {
            for (Path name : names) {
                for (String kind : List.of("link", "map")) {
                    ProcessResult shown = ProcessRunner.of(
                                    BPFTOOL.toString(), "-j", kind, "show", "pinned", name.toString())
                            .run();
                    if (shown.succeeded()) {
                        Json object = Json.parse(shown.stdout());
                        objects.add(kind + " id " + object.get("id").number());
                        if (kind.equals("link")) {
                            objects.add("prog id " + object.get("prog_id").number());
                        }
                    }
                }
            }
        }
        return objects;
    }

    /** Those of them that the kernel still has; it ends them a moment after their last name. */
    private static List<String> living(Set<String> objects) {
        return objects.stream()
                .filter(object -> ProcessRunner.of(
                                (BPFTOOL + " -j " + object.replaceFirst(" ", " show ")).split(" ", -1))
                        .run()
                        .succeeded())
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void hostIsAsItWasBefore(String backend) throws IOException {
        make();
        // What others have there has to be there afterwards, too.
        node.namespace().exec("sysctl", "-q", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0");
        // A rule in each table, since iptables never takes away the standard chains of a table that was once asked for.
        for (String program : List.of("iptables-nft", "ip6tables-nft")) {
            node.namespace().exec(program, "-A", "FORWARD", "-m", "mark", "--mark", "77", "-j", "DROP");
            node.namespace()
                    .exec(program, "-t", "nat", "-A", "POSTROUTING", "-m", "mark", "--mark", "77", "-j", "ACCEPT");
            node.namespace()
                    .exec(program, "-t", "raw", "-A", "PREROUTING", "-m", "mark", "--mark", "77", "-j", "ACCEPT");
        }
        node.namespace().exec("ipset", "create", "others", "hash:ip");
        node.namespace().ip("route", "add", "203.0.113.0/24", "dev", "eth0");
        Files.writeString(node.confDirectory().resolve("99-others.conf"), "{}");
        // The agent makes it, as it does on a host.
        Files.delete(node.runDirectory());
        Files.writeString(Files.createDirectory(plugins).resolve("others"), "");
        Files.createDirectories(node.hostRoot().resolve("etc/NetworkManager"));
        host();
        List<String> before = host();
        ProcessResult installed = node.agentCommand(
                "install",
                "--from=" + Distribution.configured().cni(),
                "--cni-bin-dir=" + plugins,
                "--host-root=" + node.hostRoot());
        assertThat(installed.exitCode()).as(installed.toString()).isZero();
        Path dropIn = node.hostRoot().resolve("etc/NetworkManager/conf.d/90-ikat.conf");
        assertThat(dropIn).exists();
        node.startAgent("--policy-backend=" + backend, "--services=true");
        node.awaitReady(Cluster.READY_LIMIT);
        Await.until(
                LIMIT,
                () -> node.status().stdout(),
                () -> node.status().stdout().contains("services  " + backend + ","));
        try (TestNamespace pod = TestNamespace.create()) {
            installedNetwork().add(ClusterNode.sandbox("one", pod.path()));
            assertThat(host()).isNotEqualTo(before);
            assertThat(Files.exists(pins().resolve("sockets-connect4")))
                    .as("programs for the node's sockets")
                    .isEqualTo(backend.equals("ebpf") && OwnControlGroup.path().isPresent());
            assertThat(node.state()).anyMatch(line -> line.startsWith("link ikat-vxlan"));
            assertThat(Files.exists(pins())).isEqualTo(backend.equals("ebpf"));
            Set<String> bpf = pinnedObjects();
            if (backend.equals("ebpf") && Files.isExecutable(BPFTOOL)) {
                assertThat(living(bpf)).anyMatch(object -> object.startsWith("link"));
                assertThat(living(bpf)).anyMatch(object -> object.startsWith("prog"));
                assertThat(living(bpf)).anyMatch(object -> object.startsWith("map"));
            }
            node.stopAgent();
            // As an agent of a cluster with an API leaves it.
            Files.createDirectories(node.stateDirectory());
            Files.writeString(node.stateDirectory().resolve("cluster.json.gz"), "");

            ProcessResult refused = node.uninstall("--cni-bin-dir=" + plugins);
            assertThat(refused.exitCode()).as(refused.toString()).isEqualTo(1);
            assertThat(refused.toString()).contains("1 pod is still wired");
            assertThat(node.podLinks()).hasSize(1);
            assertThat(plugins.resolve("ikat")).exists();

            ProcessResult done = node.uninstall("--force", "--cni-bin-dir=" + plugins);
            assertThat(done.exitCode()).as(done.toString()).isZero();
            assertThat(host()).isEqualTo(before);
            assertThat(dropIn).doesNotExist();
            assertThat(node.runDirectory()).doesNotExist();
            assertThat(node.stateDirectory()).doesNotExist();
            Await.until(
                    LIMIT,
                    () -> "still there: " + living(bpf),
                    () -> living(bpf).isEmpty());

            assertThat(node.uninstall("--cni-bin-dir=" + plugins).exitCode())
                    .as("the second time")
                    .isZero();
            assertThat(host()).isEqualTo(before);
        }
    }

    /** By the launcher that was installed, and nothing else. */
    private CniNetwork installedNetwork() {
        return new CniNetwork(
                CniNetwork.read(node.confDirectory().resolve("10-ikat.conflist")),
                List.of(plugins),
                node.entering(List.of()),
                Map.of("IKAT_RUN_DIR", node.runDirectory().toString()));
    }

    @Test
    void runningAgentIsLeftAloneAndSaysHowItIs() throws IOException {
        make();
        ProcessResult nobody = node.status();
        assertThat(nobody.exitCode()).as(nobody.toString()).isEqualTo(1);
        assertThat(nobody.toString()).contains("no agent answers");

        cluster.withdraw(node);
        node.startAgent();
        Await.until(Cluster.READY_LIMIT, node::logTail, () -> node.status().exitCode() == 3);
        assertThat(node.status().toString()).contains("waits for node: there is no Node object named " + node.name());

        cluster.publish(node);
        node.awaitReady(Cluster.READY_LIMIT);
        node.addPod("one");
        assertThat(node.status().toString()).contains("errors    none since the start");
        addToNowhere();
        addToNowhere();
        ProcessResult status = node.status();
        assertThat(status.exitCode()).as(status.toString()).isZero();
        assertThat(status.toString())
                .contains("ready     yes")
                .contains("policies  nftables")
                .contains("overlay   vxlan, uplink eth0, pods' MTU")
                .contains(cluster.node(1).podCidrs().getFirst() + " by tunnel via ")
                .contains(node.podCidrs().getFirst() + ": 1 addresses leased, ")
                .containsPattern("Z ADD nowhere: .*\"code\": ?3\\b.*/run/netns/nowhere.* \\(2 times\\)");
        Json json = Json.parse(node.status("--json").stdout());
        assertThat(json.get("ready").isTrue()).isTrue();
        assertThat(json.get("policyBackend").text()).isEqualTo("nftables");
        assertThat(json.get("recentErrors").elements()).hasSize(1);
        Json error = json.get("recentErrors").elements().getFirst();
        assertThat(error.get("in").text()).isEqualTo("ADD nowhere");
        assertThat(error.get("error").text()).contains("/run/netns/nowhere");
        assertThat(error.get("times").number()).isEqualTo(2);
        assertThat(Instant.parse(error.get("at").text())).isBefore(Instant.now());

        List<String> before = host();
        ProcessResult refused = node.uninstall("--force");
        assertThat(refused.exitCode()).as(refused.toString()).isEqualTo(1);
        assertThat(refused.toString()).contains("stop it first. Nothing was changed.");
        assertThat(host()).isEqualTo(before);
    }

    private void addToNowhere() {
        CniFailedException refused = catchThrowableOfType(
                CniFailedException.class,
                () -> node.network().add(CniNetwork.Sandbox.eth0("nowhere", Path.of("/run/netns/nowhere"))));
        assertThat(refused.code()).isEqualTo(3);
    }
}
