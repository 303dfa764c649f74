package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.CniInvocation;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The CNI specification as a table: each verb in each version, and each way in which a request can be wrong, asked of
 * the executable as a runtime asks it, by environment and standard input. The hosts of the plugin inherit it, each with
 * a node of its own.
 */
abstract class CniConformance {
    private static final AtomicInteger CONTAINERS = new AtomicInteger();

    private final List<TestNamespace> pods = new ArrayList<>();
    private final String container = "conformance-" + CONTAINERS.incrementAndGet();

    /** The node that the plugin is executed on. */
    abstract TestNamespace node();

    /** IKAT_RUN_DIR. */
    abstract Path runDirectory();

    /** The installed executable. */
    abstract Path executable();

    /** What this host needs in a network configuration, as members that start with a comma. */
    abstract String configuration();

    /** Has this host forget the pods, which are gone. */
    abstract void forgetPods();

    @AfterEach
    final void removePods() {
        pods.forEach(TestNamespace::close);
        forgetPods();
    }

    final TestNamespace pod() {
        TestNamespace pod = TestNamespace.create();
        pods.add(pod);
        return pod;
    }

    final String config(String version, String more) {
        return config(version, "conformance", more);
    }

    final String config(String version, String network, String more) {
        return "{\"cniVersion\": \"%s\", \"name\": \"%s\", \"type\": \"ikat\"%s%s}"
                .formatted(version, network, configuration(), more);
    }

    final Map<String, String> variables(TestNamespace pod, String interfaceName) {
        return Map.of(
                "CNI_CONTAINERID",
                container,
                "CNI_IFNAME",
                interfaceName,
                "CNI_NETNS",
                pod.path().toString());
    }

    final ProcessResult call(String command, Map<String, String> variables, String stdin) {
        Map<String, String> environment = new LinkedHashMap<>(variables);
        if (!command.isEmpty()) {
            environment.put("CNI_COMMAND", command);
        }
        return new CniInvocation(
                        node().entering(List.of()),
                        executable(),
                        Map.of("IKAT_RUN_DIR", runDirectory().toString()))
                .run(environment, stdin);
    }

    private static Json succeeded(ProcessResult result) {
        assertThat(result.exitCode()).as(result.toString()).isZero();
        assertThat(result.stderr()).isEmpty();
        return result.stdout().isEmpty() ? new Json.Null() : Json.parse(result.stdout());
    }

    private static Json failed(ProcessResult result, int code) {
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(1);
        Json error = Json.parse(result.stdout());
        assertThat(error.get("code").number()).as(result.toString()).isEqualTo(code);
        assertThat(error.get("msg").text()).isNotEmpty();
        assertThat(error.get("cniVersion").text()).isNotEmpty();
        return error;
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.3.1", "0.4.0", "1.0.0", "1.1.0"})
    void addAnswersInTheVersionAskedFor(String version) {
        TestNamespace pod = pod();

        Json result = succeeded(call("ADD", variables(pod, "eth0"), config(version, "")));

        assertThat(result.get("cniVersion").text()).isEqualTo(version);
        Json inPod = result.get("interfaces").get(1);
        Json link = pod.ipJson("link", "show", "eth0").get(0);
        assertThat(inPod.get("name").text()).isEqualTo("eth0");
        assertThat(inPod.get("sandbox").text()).isEqualTo(pod.path().toString());
        assertThat(inPod.get("mac").text()).isEqualTo(link.get("address").text());
        assertThat(inPod.has("mtu")).isEqualTo(version.equals("1.1.0"));
        assertThat(result.get("interfaces").get(0).has("sandbox")).isFalse();
        assertThat(node().linkNames())
                .contains(result.get("interfaces").get(0).get("name").text());
        for (int i = 0; i < 2; i++) {
            Json ip = result.get("ips").get(i);
            assertThat(pod.ip("-o", "address", "show", "eth0"))
                    .contains(ip.get("address").text());
            assertThat(ip.get("interface").number()).isEqualTo(1);
            assertThat(ip.has("version")).isEqualTo(version.startsWith("0."));
            assertThat(result.get("routes").get(i).get("gw").text())
                    .isEqualTo(ip.get("gateway").text());
        }
        assertThat(result.get("routes").get(0).get("dst").text()).isEqualTo("0.0.0.0/0");
        assertThat(result.get("routes").get(1).get("dst").text()).isEqualTo("::/0");
        assertThat(result.get("dns")).isEqualTo(new Json.Obj(Map.of()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.3.1", "0.4.0", "1.0.0", "1.1.0"})
    void delPrintsNothingAndTakesTheRoutesAway(String version) {
        TestNamespace pod = pod();
        Json result = succeeded(call("ADD", variables(pod, "eth0"), config(version, "")));
        String address = result.get("ips").get(0).get("address").text().replace("/32", "");
        assertThat(node().ip("route", "show", address)).contains(address);

        assertThat(succeeded(call("DEL", variables(pod, "eth0"), config(version, ""))))
                .isEqualTo(new Json.Null());

        assertThat(node().ip("route", "show", address)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.4.0", "1.0.0", "1.1.0"})
    void checkPassesAfterAdd(String version) {
        TestNamespace pod = pod();
        Json result = succeeded(call("ADD", variables(pod, "eth0"), config(version, "")));

        succeeded(call("CHECK", variables(pod, "eth0"), config(version, ", \"prevResult\": " + result.render())));
    }

    @Test
    void gcRemovesWhatIsNotListed() {
        TestNamespace pod = pod();
        succeeded(call("ADD", variables(pod, "eth0"), config("1.1.0", "")));
        succeeded(call("ADD", variables(pod, "eth1"), config("1.1.0", "")));

        succeeded(call(
                "GC",
                Map.of(),
                config(
                        "1.1.0",
                        ", \"cni.dev/valid-attachments\": [{\"containerID\": \"%s\", \"ifname\": \"eth0\"}]"
                                .formatted(container))));

        assertThat(pod.linkNames()).contains("eth0").doesNotContain("eth1");
    }

    @Test
    void statusIsSilentWhenAllIsWell() {
        assertThat(succeeded(call("STATUS", Map.of(), config("1.1.0", "")))).isEqualTo(new Json.Null());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.3.1", "0.4.0", "1.0.0", "1.1.0", "9.9.9"})
    void versionListsWhatIsSpoken(String version) {
        Json result = succeeded(call("VERSION", Map.of(), "{\"cniVersion\": \"" + version + "\"}"));

        assertThat(result.get("cniVersion").text()).isEqualTo(version);
        assertThat(result.get("supportedVersions").stream().map(Json::text))
                .containsExactly("0.3.1", "0.4.0", "1.0.0", "1.1.0");
    }

    @ParameterizedTest
    @CsvSource({"CHECK, 0.3.1", "GC, 0.4.0", "GC, 1.0.0", "STATUS, 0.3.1", "STATUS, 1.0.0"})
    void verbOfALaterVersionIsRefused(String verb, String version) {
        failed(call(verb, variables(pod(), "eth0"), config(version, "")), 1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ADD", "DEL", "CHECK", "GC", "STATUS"})
    void unknownVersionIsRefused(String verb) {
        Json error = failed(call(verb, variables(pod(), "eth0"), config("2.7.1", "")), 1);

        assertThat(error.get("msg").text()).contains("2.7.1");
        assertThat(error.get("details").text()).contains("0.3.1, 0.4.0, 1.0.0, 1.1.0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"})
    void malformedJsonIsRefusedWithItsPlace(String verb) {
        Json error = failed(call(verb, variables(pod(), "eth0"), "{\"cniVersion\": \"1.0.0\",\n \"name\": }"), 6);

        assertThat(error.get("details").text()).contains("line: 2");
    }

    @ParameterizedTest
    @CsvSource({
        "ADD, CNI_CONTAINERID",
        "ADD, CNI_IFNAME",
        "ADD, CNI_NETNS",
        "DEL, CNI_CONTAINERID",
        "DEL, CNI_IFNAME",
        "CHECK, CNI_CONTAINERID",
        "CHECK, CNI_IFNAME",
        "CHECK, CNI_NETNS",
    })
    void missingVariableIsNamed(String verb, String variable) {
        Map<String, String> variables = new LinkedHashMap<>(variables(pod(), "eth0"));
        variables.remove(variable);

        Json error = failed(call(verb, variables, config("1.0.0", "")), 4);

        assertThat(error.get("msg").text()).contains(variable);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "add", "REMOVE"})
    void unknownCommandIsRefused(String command) {
        assertThat(failed(call(command, variables(pod(), "eth0"), config("1.0.0", "")), 4)
                        .get("msg")
                        .text())
                .contains("CNI_COMMAND");
    }

    @ParameterizedTest
    @CsvSource({
        "CNI_CONTAINERID, ../etc",
        "CNI_CONTAINERID, -x",
        "CNI_IFNAME, way-too-long-for-the-kernel",
        "CNI_IFNAME, a/b",
        "CNI_IFNAME, ..",
        "CNI_IFNAME, eth%d",
        "CNI_IFNAME, all",
        "CNI_ARGS, nonsense",
        "CNI_ARGS, UNKNOWN=1",
        "CNI_ARGS, IP=300.1.1.1",
    })
    void invalidVariableIsNamed(String variable, String value) {
        Map<String, String> variables = new LinkedHashMap<>(variables(pod(), "eth0"));
        variables.put(variable, value);

        Json error = failed(call("ADD", variables, config("1.0.0", "")), 4);

        assertThat(error.get("msg").text()).contains(variable);
    }

    @Test
    void addToANamespaceThatIsGoneIsRefused() {
        Map<String, String> variables = new LinkedHashMap<>(variables(pod(), "eth0"));
        variables.put("CNI_NETNS", "/run/netns/there-is-none");

        failed(call("ADD", variables, config("1.0.0", "")), 3);
    }

    @Test
    void delSucceedsThoughTheNamespaceIsGone() {
        TestNamespace pod = pod();
        succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
        Map<String, String> withoutNamespace = new LinkedHashMap<>(variables(pod, "eth0"));
        withoutNamespace.remove("CNI_NETNS");
        pod.close();

        succeeded(call("DEL", variables(pod, "eth0"), config("1.0.0", "")));
        succeeded(call("DEL", withoutNamespace, config("1.0.0", "")));
    }

    @Test
    void delTwiceAndDelOfNothingSucceed() {
        TestNamespace pod = pod();
        succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));

        succeeded(call("DEL", variables(pod, "eth0"), config("1.0.0", "")));
        succeeded(call("DEL", variables(pod, "eth0"), config("1.0.0", "")));
        succeeded(call("DEL", variables(pod(), "eth7"), config("1.0.0", "")));
    }

    @Test
    void addTwiceReturnsTheSameResult() {
        TestNamespace pod = pod();
        Json first = succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));

        assertThat(succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", ""))))
                .isEqualTo(first);
    }

    @Test
    void addAfterDelInTheSameNamespaceSucceeds() {
        TestNamespace pod = pod();
        succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
        succeeded(call("DEL", variables(pod, "eth0"), config("1.0.0", "")));

        succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
    }

    @ParameterizedTest
    @CsvSource({
        "'route del default', 'default route via 169.254.1.1'",
        "'-6 route del default', 'default route via fe80::1'",
        "'neigh del 169.254.1.1 dev eth0', 'permanent neighbour entry 169.254.1.1'",
        "'address flush dev eth0 scope global', 'does not have the address'",
        "'link set eth0 down', 'is down'",
        "'link set eth0 address 02:00:00:00:00:01', '02:00:00:00:00:01'",
        "'link set eth0 name eth9', 'no interface eth0'",
    })
    void checkNamesWhatSomebodyChangedInThePod(String change, String complaint) {
        TestNamespace pod = pod();
        Json result = succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
        if (change.contains("name")) {
            pod.ip("link", "set", "eth0", "down");
        }
        pod.ip(change.split(" "));

        ProcessResult check =
                call("CHECK", variables(pod, "eth0"), config("1.0.0", ", \"prevResult\": " + result.render()));

        assertThat(failed(check, 102).get("details").text()).contains(complaint);
    }

    @Test
    void checkAfterDelFails() {
        TestNamespace pod = pod();
        Json result = succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
        succeeded(call("DEL", variables(pod, "eth0"), config("1.0.0", "")));

        failed(call("CHECK", variables(pod, "eth0"), config("1.0.0", ", \"prevResult\": " + result.render())), 102);
    }

    @Test
    void checkWithoutPrevResultIsRefused() {
        failed(call("CHECK", variables(pod(), "eth0"), config("1.0.0", "")), 7);
    }

    @Test
    void checkAgainstAnotherAddressFails() {
        TestNamespace pod = pod();
        Json result = succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
        String other =
                result.render().replace(result.get("ips").get(0).get("address").text(), "203.0.113.9/32");

        ProcessResult check = call("CHECK", variables(pod, "eth0"), config("1.0.0", ", \"prevResult\": " + other));

        assertThat(failed(check, 102).get("details").text()).contains("lacks the leased address");
    }

    @Test
    void twoNetworksOnOnePodAreIndependent() {
        TestNamespace pod = pod();
        Json first = succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));
        Json second = succeeded(call("ADD", variables(pod, "net1"), config("1.0.0", "other", "")));
        assertThat(second.get("ips").get(0)).isNotEqualTo(first.get("ips").get(0));

        succeeded(call("DEL", variables(pod, "net1"), config("1.0.0", "other", "")));
        succeeded(call("CHECK", variables(pod, "eth0"), config("1.0.0", ", \"prevResult\": " + first.render())));
    }

    @Test
    void delOfOneNetworkLeavesAnothersInterfaceOfThatName() {
        TestNamespace pod = pod();
        Json result = succeeded(call("ADD", variables(pod, "eth0"), config("1.0.0", "")));

        succeeded(call("DEL", variables(pod, "eth0"), config("1.0.0", "other", "")));

        succeeded(call("CHECK", variables(pod, "eth0"), config("1.0.0", ", \"prevResult\": " + result.render())));
    }

    @Test
    void takenInterfaceNameIsSaidAndLeftAlone() {
        TestNamespace pod = pod();
        pod.ip("link", "add", "eth0", "type", "bridge");

        Json error = failed(call("ADD", variables(pod, "eth0"), config("1.0.0", "")), 101);

        assertThat(error.get("msg").text()).contains("eth0");
        assertThat(pod.linkNames()).contains("eth0");
    }

    @Test
    void anEarlierPluginThatMadeAnInterfaceIsRefused() {
        String earlier = ", \"prevResult\": {\"interfaces\": [{\"name\": \"eth0\"}]}";

        Json error = failed(call("ADD", variables(pod(), "eth0"), config("1.0.0", earlier)), 7);

        assertThat(error.get("details").text()).contains("prevResult");
    }

    @Test
    void anEarlierPluginThatMadeNoInterfaceIsAccepted() {
        String earlier = ", \"prevResult\": {\"cniVersion\": \"1.0.0\", \"ips\": []}";

        succeeded(call("ADD", variables(pod(), "eth0"), config("1.0.0", earlier)));
    }

    @Test
    void gcWithoutAListIsRefused() {
        failed(call("GC", Map.of(), config("1.1.0", "")), 7);
    }
}
