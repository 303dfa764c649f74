package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.Await;
import dev.ikat.testbed.Cluster;
import dev.ikat.testbed.ClusterNode;
import dev.ikat.testbed.Distribution;
import dev.ikat.testbed.KernelFeature;
import dev.ikat.testbed.ProcessResult;
import dev.ikat.testbed.ProcessRunner;
import dev.ikat.testbed.RequiresKernel;
import dev.ikat.testbed.RequiresProgram;
import dev.ikat.testbed.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A host that Ikat has left is as it was before Ikat came; and what the agent says of itself until then. */
@RequiresRoot
@RequiresProgram("ipset")
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class UninstallIT {
    private static final String POLICY = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: deny, namespace: default}
            spec:
              podSelector: {}
            """;

    private Cluster cluster;
    private ClusterNode node;

    @AfterEach
    void remove() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private void make() {
        cluster = Cluster.create(Cluster.Options.nodes(2));
        node = cluster.node(0);
        cluster.apply("deny.yaml", POLICY);
        cluster.apply("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: default}\n");
    }

    private ProcessResult agent(String... arguments) {
        List<String> command =
                new ArrayList<>(List.of(Distribution.configured().agent().toString()));
        command.addAll(List.of(arguments));
        return ProcessRunner.of(node.entering(command)).run();
    }

    private ProcessResult uninstall(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "uninstall",
                "--run-dir=" + node.runDirectory(),
                "--state-dir=" + node.stateDirectory(),
                "--cni-conf-dir=" + node.confDirectory()));
        arguments.addAll(List.of(more));
        return agent(arguments.toArray(String[]::new));
    }

    /** All that Ikat could change of a host: links, addresses, routes, rules, sets, settings, files. */
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
        for (String setting : List.of(
                "net.ipv4.ip_forward",
                "net.ipv4.conf.eth0.forwarding",
                "net.ipv4.conf.all.rp_filter",
                "net.ipv6.conf.all.forwarding",
                "net.ipv6.conf.eth0.forwarding",
                "net.ipv6.conf.eth0.accept_ra")) {
            host.add(node.namespace().exec("sysctl", setting).strip());
        }
        for (Path directory : List.of(node.confDirectory(), node.runDirectory())) {
            if (Files.isDirectory(directory)) {
                try (Stream<Path> files = Files.walk(directory)) {
                    files.filter(Files::isRegularFile).forEach(file -> host.add("file " + file));
                }
            }
        }
        return host;
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables"})
    void hostIsAsItWasBefore(String backend) throws IOException {
        make();
        // What others have there has to be there afterwards, too.
        node.namespace().exec("sysctl", "-q", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0");
        // A rule in each table, since iptables never takes away the standard chains of a table that was once asked for.
        for (String program : List.of("iptables-nft", "ip6tables-nft")) {
            node.namespace().exec(program, "-A", "FORWARD", "-m", "mark", "--mark", "77", "-j", "DROP");
            node.namespace()
                    .exec(program, "-t", "nat", "-A", "POSTROUTING", "-m", "mark", "--mark", "77", "-j", "ACCEPT");
        }
        node.namespace().exec("ipset", "create", "others", "hash:ip");
        node.namespace().ip("route", "add", "203.0.113.0/24", "dev", "eth0");
        Files.writeString(node.confDirectory().resolve("99-others.conf"), "{}");
        host();
        List<String> before = host();
        node.startAgent("--policy-backend=" + backend);
        node.awaitReady(Cluster.READY_LIMIT);
        node.addPod("one");
        assertThat(host()).isNotEqualTo(before);
        assertThat(node.state()).anyMatch(line -> line.startsWith("link ikat-vxlan"));
        node.stopAgent();
        // As an agent of a cluster with an API leaves it.
        Files.createDirectories(node.stateDirectory());
        Files.writeString(node.stateDirectory().resolve("cluster.json.gz"), "");

        ProcessResult refused = uninstall();
        assertThat(refused.exitCode()).as(refused.toString()).isEqualTo(1);
        assertThat(refused.toString()).contains("1 pods are still wired");
        assertThat(node.podLinks()).hasSize(1);

        ProcessResult done = uninstall("--force");
        assertThat(done.exitCode()).as(done.toString()).isZero();
        assertThat(host()).isEqualTo(before);
        assertThat(node.runDirectory()).doesNotExist();
        assertThat(node.stateDirectory()).doesNotExist();

        assertThat(uninstall().exitCode()).as("the second time").isZero();
        assertThat(host()).isEqualTo(before);
    }

    @Test
    void runningAgentIsLeftAloneAndSaysHowItIs() throws IOException {
        make();
        ProcessResult nobody = agent("status", "--run-dir=" + node.runDirectory());
        assertThat(nobody.exitCode()).as(nobody.toString()).isEqualTo(1);
        assertThat(nobody.toString()).contains("no agent answers");

        cluster.withdraw(node);
        node.startAgent();
        Await.until(
                Cluster.READY_LIMIT,
                node::logTail,
                () -> agent("status", "--run-dir=" + node.runDirectory()).exitCode() == 3);
        assertThat(agent("status", "--run-dir=" + node.runDirectory()).toString())
                .contains("waits for node: there is no Node object named " + node.name());

        cluster.publish(node);
        node.awaitReady(Cluster.READY_LIMIT);
        node.addPod("one");
        ProcessResult status = agent("status", "--run-dir=" + node.runDirectory());
        assertThat(status.exitCode()).as(status.toString()).isZero();
        assertThat(status.toString())
                .contains("ready     yes")
                .contains("policies  nftables")
                .contains("overlay   vxlan, uplink eth0, pods' MTU")
                .contains(cluster.node(1).podCidrs().getFirst() + " by tunnel via ")
                .contains(node.podCidrs().getFirst() + ": 1 addresses leased, ");
        assertThat(agent("status", "--json", "--run-dir=" + node.runDirectory()).toString())
                .contains("\"ready\":true", "\"policyBackend\":\"nftables\"");

        List<String> before = host();
        ProcessResult refused = uninstall("--force");
        assertThat(refused.exitCode()).as(refused.toString()).isEqualTo(1);
        assertThat(refused.toString()).contains("end it first. Nothing was changed.");
        assertThat(host()).isEqualTo(before);
    }
}
