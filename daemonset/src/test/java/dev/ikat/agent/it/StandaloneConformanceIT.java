package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The specification without an agent: each request is answered by a JVM of its own. */
@RequiresRoot
final class StandaloneConformanceIT extends CniConformance {
    private final TestNamespace node = TestNamespace.create();

    @TempDir
    private Path runDirectory;

    @Override
    TestNamespace node() {
        return node;
    }

    @Override
    Path runDirectory() {
        return runDirectory;
    }

    @Override
    Path executable() {
        return Distribution.configured().launcher();
    }

    @Override
    String configuration() {
        return ", \"standalone\": true, \"ipam\": {\"ranges\": [[{\"subnet\": \"10.77.0.0/24\"}],"
                + " [{\"subnet\": \"fd77::/64\"}]]}";
    }

    @Override
    void forgetPods() {
        node.close();
    }

    @Test
    void addIsRefusedUnlessTheConfigurationAllowsIt() {
        ProcessResult result = call(
                "ADD",
                variables(pod(), "eth0"),
                "{\"cniVersion\": \"1.0.0\", \"name\": \"cluster\", \"type\": \"ikat\"}");

        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(Json.parse(result.stdout()).get("code").number()).isEqualTo(11);
        assertThat(Json.parse(result.stdout()).get("details").text()).contains("standalone");
    }

    @Test
    void statusSaysThatTheAgentIsMissing() {
        ProcessResult result =
                call("STATUS", Map.of(), "{\"cniVersion\": \"1.1.0\", \"name\": \"cluster\", \"type\": \"ikat\"}");

        assertThat(Json.parse(result.stdout()).get("code").number()).isEqualTo(50);
    }

    /** Between two agents, as at an upgrade; without a next one STATUS fails after a while. */
    @Test
    void statusSucceedsForAMomentAfterAnAgentWasThere() throws IOException {
        String cluster = "{\"cniVersion\": \"1.1.0\", \"name\": \"cluster\", \"type\": \"ikat\"}";
        Path lock = Files.createDirectories(runDirectory).resolve("agent.lock");
        Files.writeString(lock, "1");
        assertThat(call("STATUS", Map.of(), cluster).exitCode()).isZero();

        Files.setLastModifiedTime(lock, FileTime.from(Instant.now().minusSeconds(120)));
        ProcessResult status = call("STATUS", Map.of(), cluster);
        assertThat(Json.parse(status.stdout()).get("code").number()).isEqualTo(50);
    }

    @Test
    void whatOnlyLearnsThatThereIsNoAgentLeavesNothing() {
        runDirectory = runDirectory.resolve("none");
        String cluster = "{\"cniVersion\": \"1.1.0\", \"name\": \"cluster\", \"type\": \"ikat\"}";

        call("VERSION", Map.of(), cluster);
        call("STATUS", Map.of(), cluster);
        call("", Map.of(), cluster);
        call("ADD", variables(pod(), "eth0"), cluster);
        ProcessResult del = call("DEL", variables(pod(), "eth0"), cluster);

        assertThat(del.exitCode()).as(del.stdout()).isZero();
        assertThat(runDirectory).doesNotExist();
    }

    @Test
    void secondLeaseStoreOfAHostIsRefusedAndDeletesNothing() {
        TestNamespace pod = pod();
        assertThat(call("ADD", variables(pod, "eth0"), config("1.0.0", "")).exitCode())
                .isZero();
        Path first = runDirectory;
        runDirectory = first.resolve("other");

        ProcessResult add = call("ADD", variables(pod(), "eth0"), config("1.0.0", ""));
        ProcessResult gc = call("GC", Map.of(), config("1.1.0", ", \"cni.dev/valid-attachments\": []"));

        for (ProcessResult refused : List.of(add, gc)) {
            assertThat(Json.parse(refused.stdout()).get("details").text())
                    .contains(first.resolve("leases").toString(), runDirectory.toString());
        }
        assertThat(pod.linkNames()).contains("eth0");
        runDirectory = first;
        assertThat(call("DEL", variables(pod, "eth0"), config("1.0.0", "")).exitCode())
                .isZero();
    }

    @Test
    void unusableRunDirectoryIsSaidAsAnErrorObject() {
        runDirectory = Path.of("/proc/nonexistent");

        ProcessResult status = call("STATUS", Map.of(), config("1.1.0", ""));
        ProcessResult del = call("DEL", variables(pod(), "eth0"), config("1.0.0", ""));
        ProcessResult version = call("VERSION", Map.of(), "{\"cniVersion\": \"1.0.0\"}");

        assertThat(Json.parse(status.stdout()).get("code").number()).isEqualTo(50);
        assertThat(del.exitCode()).as("there is nothing to delete").isZero();
        assertThat(version.exitCode()).isZero();
    }

    @Test
    void theHostForwardsAfterTheFirstAdd() {
        call("ADD", variables(pod(), "eth0"), config("1.0.0", ""));

        assertThat(node.exec("cat", "/proc/sys/net/ipv4/ip_forward")).startsWith("1");
        assertThat(runDirectory.resolve("sysctl.before"))
                .content()
                .contains("net/ipv4/ip_forward=0\n", "net/ipv6/conf/all/forwarding=0\n");
    }

    @Test
    void hostKeepsTheDefaultRouteThatARouterAdvertises() {
        node.ip("link", "add", "eth0", "type", "veth", "peer", "name", "far");
        node.ip("link", "set", "eth0", "up");
        node.ip("-6", "route", "add", "default", "via", "fe80::77", "dev", "eth0", "proto", "ra");

        call("ADD", variables(pod(), "eth0"), config("1.0.0", ""));

        assertThat(node.exec("sysctl", "-n", "net.ipv6.conf.eth0.accept_ra")).isEqualTo("2\n");
        assertThat(runDirectory.resolve("sysctl.before")).content().contains("net/ipv6/conf/eth0/accept_ra=1\n");
    }

    @Test
    void addressOfTheHostIsNotGivenToAPod() {
        node.ip("link", "add", "cni0", "type", "bridge");
        node.ip("link", "set", "cni0", "up");
        node.ip("address", "add", "10.77.0.1/24", "dev", "cni0");

        ProcessResult result = call("ADD", variables(pod(), "eth0"), config("1.0.0", ""));

        assertThat(result.exitCode()).as(result.stdout()).isZero();
        assertThat(result.stdout()).contains("10.77.0.2/32").doesNotContain("10.77.0.1/32");
    }
}
