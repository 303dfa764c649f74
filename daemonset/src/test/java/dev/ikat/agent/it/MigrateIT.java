package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ikat-agent migrate} on hosts with what other CNI plugins make, by the names that they give it. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN})
@RequiresProgram({"iptables-nft", "iptables-legacy", "nft", "ipset"})
final class MigrateIT {
    @TempDir
    private Path root;

    private TestNamespace host;

    @BeforeEach
    void makeHost() throws IOException {
        host = TestNamespace.create();
        Files.createDirectories(root.resolve("etc/cni/net.d"));
    }

    @AfterEach
    void remove() {
        host.close();
    }

    private ProcessResult migrate(String from, String... options) {
        List<String> command = new ArrayList<>(
                List.of(Distribution.configured().agent().toString(), "migrate", "--from=" + from, "--root=" + root));
        command.addAll(List.of(options));
        return ProcessRunner.of(host.entering(command)).run();
    }

    private void configuration(String name, String text) throws IOException {
        Files.writeString(root.resolve("etc/cni/net.d").resolve(name), text);
    }

    private void link(String name, String... kind) {
        List<String> arguments = new ArrayList<>(List.of("link", "add", name, "type"));
        arguments.addAll(List.of(kind));
        host.ip(arguments.toArray(String[]::new));
        host.ip("link", "set", name, "up");
    }

    private String rules() {
        StringBuilder rules = new StringBuilder();
        for (String program : List.of("iptables-nft", "ip6tables-nft", "iptables-legacy")) {
            host.exec(program + "-save")
                    .lines()
                    .filter(line -> line.startsWith("-A") || line.matches(":.* - .*"))
                    .forEach(line -> rules.append(line).append('\n'));
        }
        return rules.toString();
    }

    private void assertLeft(String from, String... objects) {
        ProcessResult check = migrate(from, "--check");
        assertThat(check.exitCode()).as(check.stderr()).isEqualTo(1);
        assertThat(check.stdout()).contains(objects);
    }

    private void assertRemovedAndNothingLeft(String from) {
        ProcessResult removal = migrate(from, "--remove");
        assertThat(removal.exitCode()).as(removal.stdout() + removal.stderr()).isZero();
        ProcessResult again = migrate(from, "--remove");
        assertThat(again.exitCode()).as(again.stdout() + again.stderr()).isZero();
        assertThat(again.stdout()).contains("has left nothing on this host");
    }

    @Test
    void flannelsPodsKeepTheirNetworkUntilTheyAreRestarted() throws IOException {
        configuration("10-flannel.conflist", "{\"name\": \"cbr0\", \"plugins\": [{\"type\": \"flannel\"}]}");
        Files.createDirectories(root.resolve("run/flannel"));
        Files.createDirectories(root.resolve("var/lib/cni/networks/cbr0"));
        link("flannel.1", "vxlan", "id", "1", "dstport", "8472");
        link("cni0", "bridge");
        host.ip("address", "add", "10.244.1.1/24", "dev", "cni0");
        host.exec("iptables-nft", "-t", "nat", "-N", "FLANNEL-POSTRTG");
        host.exec("iptables-nft", "-t", "nat", "-N", "KUBE-POSTROUTING");
        host.exec("iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-j", "KUBE-POSTROUTING");
        host.exec(
                "iptables-nft",
                "-t",
                "nat",
                "-A",
                "POSTROUTING",
                "-m",
                "comment",
                "--comment",
                "flanneld masq",
                "-j",
                "FLANNEL-POSTRTG");
        host.exec("iptables-legacy", "-N", "FLANNEL-FWD");
        host.exec("iptables-legacy", "-A", "FORWARD", "-j", "FLANNEL-FWD");
        host.exec("nft", "add", "table", "ip", "flannel-ipv4");
        try (TestNamespace pod = TestNamespace.create()) {
            host.ip("link", "add", "veth1", "type", "veth", "peer", "name", "eth0", "netns", pod.name());
            host.ip("link", "set", "veth1", "master", "cni0", "up");
            pod.ip("address", "add", "10.244.1.5/24", "dev", "eth0");
            pod.ip("link", "set", "eth0", "up");
            assertLeft(
                    "flannel",
                    "flannel: link veth1 of a pod with 10.244.1.5: stays: a pod uses it",
                    "flannel: link cni0 (bridge): stays: ",
                    "flannel: link flannel.1 (vxlan): to be removed",
                    "iptables-nft chain FLANNEL-POSTRTG in table nat: to be removed",
                    "iptables-legacy chain FLANNEL-FWD in table filter: to be removed",
                    "nftables table 'ip flannel-ipv4': to be removed",
                    "10-flannel.conflist",
                    "networks/cbr0: stays: ");
            assertThat(host.linkNames()).contains("flannel.1");

            assertThat(migrate("flannel", "--remove").exitCode()).isEqualTo(1);

            assertThat(host.linkNames()).contains("veth1", "cni0").doesNotContain("flannel.1");
            pod.exec("ping", "-c", "1", "-W", "2", "10.244.1.1");
        }
        assertRemovedAndNothingLeft("flannel");
        assertThat(host.linkNames()).containsExactly("lo");
        assertThat(rules()).isEqualTo(":KUBE-POSTROUTING - [0:0]\n-A POSTROUTING -j KUBE-POSTROUTING\n");
    }

    @Test
    void calicosLinksRoutesChainsAndSetsGo() throws IOException {
        configuration("10-calico.conflist", "{\"name\": \"k8s-pod-network\", \"plugins\": [{\"type\": \"calico\"}]}");
        Files.createDirectories(root.resolve("var/lib/calico"));
        link("vxlan.calico", "vxlan", "id", "4096", "dstport", "4789");
        host.ip("route", "add", "blackhole", "10.244.1.0/26", "proto", "80");
        host.ip("route", "add", "blackhole", "10.99.0.0/16", "proto", "static");
        host.exec("ipset", "create", "cali40all-ipam-pools", "hash:net");
        host.exec("ipset", "create", "others", "hash:net");
        for (String program : List.of("iptables-nft", "iptables-legacy")) {
            host.exec(program, "-N", "cali-FORWARD");
            host.exec(program, "-N", "cali-from-wl-dispatch");
            host.exec(program, "-A", "cali-FORWARD", "-i", "cali+", "-j", "cali-from-wl-dispatch");
            host.exec(
                    program,
                    "-A",
                    "cali-FORWARD",
                    "-m",
                    "set",
                    "--match-set",
                    "cali40all-ipam-pools",
                    "dst",
                    "-j",
                    "ACCEPT");
            host.exec(
                    program,
                    "-I",
                    "FORWARD",
                    "-m",
                    "comment",
                    "--comment",
                    "cali:wUHhoiAYhphO9Mso",
                    "-j",
                    "cali-FORWARD");
            host.exec(program, "-A", "FORWARD", "-m", "comment", "--comment", "cali:S93hcgKJrXEqnTfs", "-j", "ACCEPT");
        }

        assertLeft("calico", "ipset cali40all-ipam-pools", "route to 10.244.1.0/26 in table 254", "link vxlan.calico");
        assertRemovedAndNothingLeft("calico");

        assertThat(host.exec("ipset", "list", "-n")).isEqualTo("others\n");
        assertThat(host.ip("route")).contains("10.99.0.0/16").doesNotContain("10.244.1.0/26");
        assertThat(rules()).isEmpty();
    }

    @Test
    void ciliumsLinksRulesAndPinsGo() throws IOException {
        configuration("05-cilium.conflist", "{\"name\": \"cilium\", \"plugins\": [{\"type\": \"cilium-cni\"}]}");
        Files.createDirectories(root.resolve("sys/fs/bpf/tc/globals/cilium_ct4_global"));
        Files.createDirectories(root.resolve("run/cilium/state"));
        host.ip("link", "add", "cilium_host", "type", "veth", "peer", "name", "cilium_net");
        link("cilium_vxlan", "vxlan", "external", "dstport", "8472");
        host.ip("rule", "add", "pref", "9", "fwmark", "0x200/0xf00", "lookup", "2004");
        host.ip("rule", "add", "pref", "30", "fwmark", "0x200/0xf00", "lookup", "2999");
        host.ip("route", "add", "local", "default", "dev", "lo", "table", "2004");
        host.exec("ip6tables-nft", "-N", "CILIUM_INPUT");
        host.exec("ip6tables-nft", "-A", "INPUT", "-j", "CILIUM_INPUT");

        assertLeft("cilium", "IPv4 routing rule 9", "link cilium_host (veth)", "BPF pin ", "ip6tables-nft chain");
        assertRemovedAndNothingLeft("cilium");

        assertThat(host.linkNames()).containsExactly("lo");
        assertThat(host.ip("rule")).contains("2999").doesNotContain("2004");
        assertThat(rules()).isEmpty();
    }

    @Test
    void kubeProxysRulesGoAndTheKubeletsStay() {
        host.exec("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES");
        host.exec("iptables-nft", "-t", "nat", "-N", "KUBE-SVC-ABCDEFGHIJKLMNOP");
        host.exec("iptables-nft", "-t", "nat", "-A", "PREROUTING", "-j", "KUBE-SERVICES");
        host.exec(
                "iptables-nft",
                "-t",
                "nat",
                "-A",
                "KUBE-SERVICES",
                "-d",
                "10.96.0.1",
                "-j",
                "KUBE-SVC-ABCDEFGHIJKLMNOP");
        host.exec("ip6tables-legacy", "-N", "KUBE-FORWARD");
        host.exec("ip6tables-legacy", "-A", "FORWARD", "-j", "KUBE-FORWARD");
        host.exec("iptables-nft", "-N", "KUBE-FIREWALL");
        host.exec("iptables-nft", "-A", "INPUT", "-j", "KUBE-FIREWALL");
        host.exec("nft", "add", "table", "ip", "kube-proxy");
        host.exec("ipset", "create", "KUBE-CLUSTER-IP", "hash:ip");
        host.exec("ipset", "create", "KUBE-SRC-ABC", "hash:ip");

        assertLeft("kube-proxy", "iptables-nft chain KUBE-SERVICES", "nftables table 'ip kube-proxy'", "ipset KUBE-CL");
        assertRemovedAndNothingLeft("kube-proxy");

        assertThat(rules()).contains("KUBE-FIREWALL").doesNotContain("KUBE-SERVICES", "KUBE-SVC", "KUBE-FORWARD");
        assertThat(host.exec("ipset", "list", "-n")).contains("KUBE-SRC-ABC").doesNotContain("KUBE-CLUSTER-IP");
    }

    @Test
    void kubeRoutersAndWeavesGoAndKubeProxysStay() throws IOException {
        Files.createDirectories(root.resolve("etc/iproute2"));
        Files.writeString(root.resolve("etc/iproute2/rt_tables"), "254 main\n77 kube-router\n");
        configuration(
                "10-kuberouter.conflist",
                "{\"name\": \"k\", \"plugins\": [{\"type\": \"bridge\", \"bridge\": \"kube-bridge\"}]}");
        link("kube-bridge", "bridge");
        host.ip("rule", "add", "pref", "32000", "from", "10.244.1.0/24", "lookup", "77");
        host.exec("iptables-nft", "-N", "KUBE-ROUTER-INPUT");
        host.exec("iptables-nft", "-N", "KUBE-FIREWALL");
        host.exec("iptables-nft", "-A", "INPUT", "-j", "KUBE-ROUTER-INPUT");
        host.exec("iptables-nft", "-A", "INPUT", "-j", "KUBE-FIREWALL");
        host.exec("ipset", "create", "KUBE-CLUSTER-IP", "hash:ip");
        host.exec("ipset", "create", "kube-router-local-ips", "hash:ip");
        assertLeft("kube-router", "link kube-bridge (bridge)", "routing rule 32000", "ipset kube-router-local-ips");
        assertRemovedAndNothingLeft("kube-router");

        link("weave", "bridge");
        host.ip("link", "add", "vethwe-bridge", "type", "veth", "peer", "name", "vethwe-datapath");
        host.exec("iptables-nft", "-N", "WEAVE-NPC");
        host.exec("iptables-nft", "-A", "FORWARD", "-o", "weave", "-j", "WEAVE-NPC");
        host.exec("iptables-nft", "-A", "FORWARD", "-o", "weave", "-j", "DROP");
        assertLeft("weave", "link weave (bridge)", "link vethwe-bridge (veth)", "chain WEAVE-NPC");
        assertRemovedAndNothingLeft("weave");

        assertThat(host.exec("ipset", "list", "-n")).isEqualTo("KUBE-CLUSTER-IP\n");
        assertThat(rules()).isEqualTo(":KUBE-FIREWALL - [0:0]\n-A INPUT -j KUBE-FIREWALL\n");
    }

    @Test
    void linksOfTheSameNameAndAnotherKindStay() {
        host.ip("link", "add", "cni0", "type", "veth", "peer", "name", "others0");

        assertThat(migrate("flannel", "--check").exitCode()).isZero();
        assertThat(migrate("flannel", "--remove").exitCode()).isZero();
        assertThat(host.linkNames()).contains("cni0");
    }

    @Test
    void nothingIsRemovedWhileTheFormerAgentRunsHere() throws IOException {
        link("flannel.1", "vxlan", "id", "1", "dstport", "8472");
        Process agent =
                new ProcessBuilder(host.entering(List.of("bash", "-c", "exec -a /opt/bin/flanneld sleep 60"))).start();
        try {
            Await.until(
                    Duration.ofSeconds(10),
                    () -> "flanneld has not started",
                    () -> commandLine(agent).startsWith("/opt/bin/flanneld"));
            ProcessResult refused = migrate("flannel", "--remove");

            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.stderr())
                    .contains("flanneld is running on this host as process ", "--force. Nothing was changed.");
            assertThat(host.linkNames()).contains("flannel.1");
            assertThat(migrate("flannel", "--remove", "--force").exitCode()).isZero();
            assertThat(host.linkNames()).containsExactly("lo");
        } finally {
            agent.destroyForcibly();
        }
    }

    private static String commandLine(Process process) {
        try {
            return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
        } catch (IOException e) {
            return "";
        }
    }

    @Test
    void anUnknownNameIsRefusedWithThoseThatThereAre() {
        ProcessResult refused = migrate("fannel", "--check");

        assertThat(refused.exitCode()).isEqualTo(2);
        assertThat(refused.stderr())
                .isEqualTo("ikat-agent migrate: --from: 'fannel' is invalid: it has to be one of flannel, calico,"
                        + " cilium, kube-router, weave, kube-proxy. Nothing was changed.\n");
    }
}
