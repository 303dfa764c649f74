package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.random.Seeds;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.schema.CoreSchema;

final class ManifestFileTest {
    private static final String NODE = """
            # a node
            apiVersion: v1
            kind: Node
            metadata:
              name: worker-1
              creationTimestamp: null
              labels: {zone: a, empty: }
            spec:
              podCIDR: 10.1.0.0/24
              podCIDRs: [10.1.0.0/24, "fd00:1::/64"]
            status:
              addresses:
              - {type: Hostname, address: worker-1}
              - {type: InternalIP, address: 192.0.2.1}
              - {type: InternalIP, address: "fd99::1"}
            """;
    private static final String POD = """
            apiVersion: v1
            kind: Pod
            metadata: {name: web, namespace: shop, labels: {app: web}}
            spec:
              nodeName: worker-1
              containers:
              - name: web
                ports:
                - {name: http, containerPort: 8080}
                - {containerPort: 9000}
              initContainers:
              - {name: migrate, ports: [{name: once, containerPort: 1}]}
              - {name: mesh, restartPolicy: Always, ports: [{name: dns, containerPort: 53, protocol: UDP}]}
            status:
              phase: Running
              podIP: 10.1.0.5
              podIPs: [{ip: 10.1.0.5}, {ip: "fd00:1::5"}]
            """;
    private static final String POLICY = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: front, namespace: shop}
            spec:
              podSelector:
                matchLabels: {app: web}
                matchExpressions: [{key: tier, operator: NotIn, values: [back]}]
              policyTypes: [Ingress, Egress]
              ingress:
              - from:
                - podSelector: {}
                - namespaceSelector: {matchLabels: {team: a}}
                  podSelector: {matchExpressions: [{key: app, operator: Exists}]}
                - ipBlock: {cidr: 10.0.0.7/8, except: [10.1.0.0/16]}
                ports:
                - port: 80
                - {protocol: UDP, port: 1000, endPort: 2000}
                - port: http
              egress:
              - ports: [{protocol: SCTP}]
              - {}
            """;

    private static ManifestFile parse(byte[] bytes) {
        return ManifestFile.parse(bytes, new ManifestReader(new KindSet(ApiKinds.NETWORKING)));
    }

    static ManifestFile parse(String text) {
        return parse(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The only document of a text. */
    static YamlValue yaml(String text) {
        return YamlValue.top(
                new Compose(LoadSettings.builder().setSchema(new CoreSchema()).build())
                        .composeString(text)
                        .orElseThrow());
    }

    private static ClusterObject only(String text) {
        ManifestFile file = parse(text);
        assertThat(file.faults()).isEmpty();
        assertThat(file.objects()).hasSize(1);
        return file.objects().values().iterator().next().object();
    }

    @Test
    void nodeIsRead() {
        assertThat(only(NODE))
                .isEqualTo(new Node(
                        "worker-1",
                        Labels.of("zone", "a", "empty", ""),
                        List.of(Cidr.parse("10.1.0.0/24"), Cidr.parse("fd00:1::/64")),
                        List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("fd99::1"))));
    }

    @Test
    void nodeSaysWhenItWasMade() {
        assertThat(only(NODE.replace("creationTimestamp: null", "creationTimestamp: 2026-01-02T03:04:05Z")))
                .isInstanceOfSatisfying(
                        Node.class, node -> assertThat(node.created()).contains(Instant.parse("2026-01-02T03:04:05Z")));
        assertThat(parse(NODE.replace("creationTimestamp: null", "creationTimestamp: yesterday"))
                        .faults())
                .singleElement()
                .asString()
                .contains("invalid time 'yesterday'; write it as 2026-01-31T12:00:00Z");
    }

    @Test
    void nodeThatIsBeingDeletedIsAboutToLeave() {
        for (String leaving : List.of(
                NODE.replace("creationTimestamp: null", "deletionTimestamp: 2026-01-02T03:04:05Z"),
                NODE.replace(
                        "podCIDR: 10.1.0.0/24",
                        "taints: [{key: a, effect: NoSchedule}, {key: ToBeDeletedByClusterAutoscaler, value: '1'}]"))) {
            assertThat(only(leaving))
                    .isInstanceOfSatisfying(
                            Node.class, node -> assertThat(node.leaving()).isTrue());
        }
    }

    @Test
    void podIsRead() {
        assertThat(only(POD))
                .isEqualTo(new Pod(
                        "shop",
                        "web",
                        Labels.of("app", "web"),
                        Optional.of("worker-1"),
                        List.of(IpAddress.parse("10.1.0.5"), IpAddress.parse("fd00:1::5")),
                        false,
                        Pod.Phase.RUNNING,
                        List.of(
                                new Pod.NamedPort("http", Protocol.TCP, 8080),
                                new Pod.NamedPort("dns", Protocol.UDP, 53))));
    }

    @Test
    void podWithLittleInItIsRead() {
        assertThat(only("{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {hostNetwork: true}}"))
                .isEqualTo(new Pod(
                        "default",
                        "web",
                        Labels.NONE,
                        Optional.empty(),
                        List.of(),
                        true,
                        Pod.Phase.PENDING,
                        List.of()));
    }

    @Test
    void policyIsReadWithAllItsFields() {
        LabelSelector exists =
                new LabelSelector(Labels.NONE, List.of(new Requirement("app", Operator.EXISTS, Set.of())));
        assertThat(only(POLICY))
                .isEqualTo(new NetworkPolicy(
                        "shop",
                        "front",
                        new LabelSelector(
                                Labels.of("app", "web"),
                                List.of(new Requirement("tier", Operator.NOT_IN, Set.of("back")))),
                        Set.of(Direction.INGRESS, Direction.EGRESS),
                        List.of(new Rule(
                                List.of(
                                        new SelectedPods(Optional.empty(), Optional.of(LabelSelector.EVERYTHING)),
                                        new SelectedPods(
                                                Optional.of(LabelSelector.of("team", "a")), Optional.of(exists)),
                                        new IpBlock(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("10.1.0.0/16")))),
                                List.of(
                                        new PortRule(Protocol.TCP, new PortNumbers(80, 80)),
                                        new PortRule(Protocol.UDP, new PortNumbers(1000, 2000)),
                                        new PortRule(Protocol.TCP, new PortName("http"))))),
                        List.of(
                                new Rule(List.of(), List.of(new PortRule(Protocol.SCTP, new AnyPort()))),
                                new Rule(List.of(), List.of()))));
    }

    @Test
    void policyWithoutTypesRestrictsIngressAndEgressOnlyIfItHasEgressRules() {
        String head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n";

        assertThat(((NetworkPolicy) only(head + "spec: {podSelector: {}}")).types())
                .containsExactly(Direction.INGRESS);
        assertThat(((NetworkPolicy) only(head + "spec: {podSelector: {}, egress: [{}]}")).types())
                .containsExactly(Direction.INGRESS, Direction.EGRESS);
    }

    @Test
    void fileHasManyDocumentsListsAndKindsThatNobodyAsksFor() {
        ManifestFile file = parse("---\n# nothing\n---\n" + NODE + "---\n" + POD + """
                ---
                apiVersion: v1
                kind: List
                items:
                - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
                - {apiVersion: v1, kind: ConfigMap, metadata: {name: shop}, data: {x: y}}
                ---
                apiVersion: crd.example.com/v1
                kind: NetworkPolicy
                whatever: 1
                """);

        assertThat(file.faults()).isEmpty();
        assertThat(file.objects().values().stream()
                        .map(placed -> placed.object().key() + "@" + placed.line()))
                .containsExactly("Node worker-1@5", "Pod shop/web@20", "Namespace shop@41");
        assertThat(file.ignored()).containsExactly("v1 ConfigMap");
        assertThat(file.warnings())
                .extracting(ManifestFault::reason)
                .containsExactly("this NetworkPolicy of crd.example.com/v1 has no effect on the node's "
                        + "network: Ikat supports only that of networking.k8s.io/v1");
    }

    @Test
    void listsOfEveryKnownKindAreRead() {
        ManifestFile file = parse("""
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicyList
                metadata: {resourceVersion: "7"}
                items:
                - metadata: {name: a, namespace: shop}
                  spec: {podSelector: {}}
                - apiVersion: networking.k8s.io/v1
                  kind: NetworkPolicy
                  metadata: {name: b, namespace: shop}
                ---
                {apiVersion: v1, kind: PodList, items: [{metadata: {name: web, namespace: shop}}]}
                ---
                {apiVersion: v1, kind: NodeList, items: [{metadata: {name: worker-1}}]}
                ---
                {apiVersion: v1, kind: NamespaceList, items: [{metadata: {name: shop}}, {metadata: {name: Bank}}]}
                """);

        assertThat(file.objects().keySet())
                .extracting(Object::toString)
                .containsExactly(
                        "NetworkPolicy shop/a",
                        "NetworkPolicy shop/b",
                        "Pod shop/web",
                        "Node worker-1",
                        "Namespace shop");
        assertThat(file.faults()).singleElement().satisfies(fault -> {
            assertThat(fault.line()).isEqualTo(15);
            assertThat(fault.reason()).startsWith("Namespace Bank: metadata.name: ");
        });
    }

    @Test
    void everyMistakeOfADocumentIsReported() {
        String policy = """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: front, namespace: shop}
                spec:
                  podSelector: {matchLabels: {app: "a b"}}
                  policyTypes: [ingress]
                  ingress:
                  - from: [{ipBlock: {cidr: 10.0.0.0/33}}]
                    ports: [{port: 70000, protocol: tcp}]
                  egres: []
                """;
        String pod = """
                ---
                apiVersion: v1
                kind: Pod
                metadata: {name: Web, namespace: Shop, labels: {a: "b c", d: "e f"}}
                spec: {nodeName: W_1, hostNetwork: 1}
                status: {phase: Jogging, podIPs: [{ip: 10.0.0.300}]}
                """;
        String node = """
                ---
                apiVersion: v1
                kind: Node
                metadata: {name: Worker, namespace: shop, labels: {a: 1}}
                spec: {podCIDRs: [10.0.0.0/24, 10.0.1.0/24]}
                status: {addresses: [{type: InternalIP, address: 127.0.0.1}]}
                """;

        assertThat(parse(policy + pod + node).faults())
                .extracting(fault -> fault.line() + " " + fault.reason().replaceAll("(: [a-z]+\\.?[^:]*): .*", "$1"))
                .containsExactly(
                        "5 NetworkPolicy shop/front: spec.podSelector.matchLabels.app",
                        "6 NetworkPolicy shop/front: spec.policyTypes[0]",
                        "8 NetworkPolicy shop/front: spec.ingress[0].from[0].ipBlock.cidr",
                        "9 NetworkPolicy shop/front: spec.ingress[0].ports[0].port",
                        "9 NetworkPolicy shop/front: spec.ingress[0].ports[0].protocol",
                        "10 NetworkPolicy shop/front: spec.egres",
                        "14 Pod Shop/Web: metadata.name",
                        "14 Pod Shop/Web: metadata.namespace",
                        "14 Pod Shop/Web: metadata.labels.a",
                        "14 Pod Shop/Web: metadata.labels.d",
                        "15 Pod Shop/Web: spec.nodeName",
                        "15 Pod Shop/Web: spec.hostNetwork",
                        "16 Pod Shop/Web: status.phase",
                        "16 Pod Shop/Web: status.podIPs[0].ip",
                        "20 Node shop/Worker: metadata.name",
                        "20 Node shop/Worker: metadata.namespace",
                        "20 Node shop/Worker: metadata.labels.a",
                        "21 Node shop/Worker: spec.podCIDRs",
                        "22 Node shop/Worker: status.addresses");
    }

    @Test
    void jsonIsReadTabsIncluded() {
        String json = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Namespace\",\n\t\"metadata\":"
                + " {\"name\": \"shop\", \"labels\": {\"a\\u002fb\":\"c\"}}\n}\n";

        assertThat(only(json)).isEqualTo(new Namespace("shop", Labels.of("a/b", "c")));
    }

    static Stream<Arguments> brokenManifests() {
        return Stream.of(
                Arguments.of(
                        NODE.replace("fd00:1::/64", "fd00:1::/65x"),
                        "10:27: Node worker-1: spec.podCIDRs[1]: the prefix length in 'fd00:1::/65x' is not a number"),
                Arguments.of(
                        NODE.replace("podCIDR: 10.1.0.0/24", "podCIDR: 10.1.0.5/24"),
                        "9:12: Node worker-1: spec.podCIDR: '10.1.0.5/24' has host bits set; the network is"
                                + " 10.1.0.0/24"),
                Arguments.of(
                        NODE.replace("\"fd00:1::/64\"", "10.2.0.0/24"),
                        "10:13: Node worker-1: spec.podCIDRs: two blocks of one address family: [10.1.0.0/24,"
                                + " 10.2.0.0/24]"),
                Arguments.of(
                        NODE.replace("192.0.2.1", "192.0.2"),
                        "14:33: Node worker-1: status.addresses[1].address: invalid IP address '192.0.2'"),
                Arguments.of(
                        NODE.replace("name: worker-1\n", "name: Worker_1\n"),
                        "5:9: Node Worker_1: metadata.name: invalid name 'Worker_1': it has to be 1 "
                                + "to 253 lower case letters, digits, '-'"
                                + " and '.', starting and ending with a letter or digit"),
                Arguments.of(NODE.replace("  name: worker-1\n", ""), "5:3: Node: metadata: its name is missing"),
                Arguments.of(
                        NODE.replace("zone: a,", "zone: true,"),
                        "7:18: Node worker-1: metadata.labels.zone: has to be a text, but is the truth value 'true'"),
                Arguments.of(
                        NODE.replace("zone: a,", "example.com/zone: a b,"),
                        "7:30: Node worker-1: metadata.labels.example.com/zone: invalid label "
                                + "value 'a b': it has to be at most 63"
                                + " letters, digits, '-', '_' and '.', starting and ending with a letter or digit"),
                Arguments.of(
                        NODE.replace("  creationTimestamp: null\n", "  namespace: shop\n"),
                        "6:14: Node shop/worker-1: metadata.namespace: a Node is in no namespace"),
                Arguments.of("kind: Node\n", "1:1: apiVersion is missing"),
                Arguments.of("- a\n- b\n", "1:1: has to be a mapping of keys to values, but is a list"),
                Arguments.of(
                        POD.replace("containerPort: 8080", "containerPort: '8080'"),
                        "9:35: Pod shop/web: spec.containers[0].ports[0].containerPort: has to be "
                                + "a whole number, but is the text '8080'"),
                Arguments.of(
                        POD.replace("containerPort: 8080", "containerPort: 80800"),
                        "9:35: Pod shop/web: spec.containers[0].ports[0].containerPort: invalid "
                                + "port number 80800: it has to be 1 to 65535"),
                Arguments.of(
                        POD.replace("Running", "Jogging"),
                        "15:10: Pod shop/web: status.phase: invalid value 'Jogging'; it has to be "
                                + "one of Pending, Running, Succeeded, Failed," + " Unknown"),
                Arguments.of(POD + "status: {}\n", "18:1: the key 'status' occurs twice"),
                Arguments.of(
                        POLICY.replace("  podSelector:\n", "  podselector:\n"),
                        "6:5: NetworkPolicy shop/front: spec.podselector: is an unknown field; known are podSelector,"
                                + " policyTypes, ingress, egress"),
                Arguments.of(
                        POLICY.replace("endPort: 2000", "endPort: 999"),
                        "17:44: NetworkPolicy shop/front: spec.ingress[0].ports[1].endPort: 999 is below port 1000"),
                Arguments.of(
                        POLICY.replace("port: 1000, ", ""),
                        "17:32: NetworkPolicy shop/front: spec.ingress[0].ports[1].endPort: needs a number in port"),
                Arguments.of(
                        POLICY.replace("- podSelector: {}", "- {}"),
                        "11:7: NetworkPolicy shop/front: spec.ingress[0].from[0].podSelector: a peer needs podSelector,"
                                + " namespaceSelector, both of them, or ipBlock"),
                Arguments.of(
                        POLICY.replace("- podSelector: {}", "- {podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}"),
                        "11:7: NetworkPolicy shop/front: spec.ingress[0].from[0]: ipBlock can't be combined with"
                                + " podSelector or namespaceSelector"),
                Arguments.of(
                        POLICY.replace("[10.1.0.0/16]", "[11.1.0.0/16]"),
                        "14:43: NetworkPolicy shop/front: spec.ingress[0].from[2].ipBlock.except: 11.1.0.0/16 is not a"
                                + " smaller block within 10.0.0.0/8"),
                Arguments.of(
                        POLICY.replace("operator: NotIn", "operator: Notin"),
                        "7:46: NetworkPolicy shop/front: "
                                + "spec.podSelector.matchExpressions[0].operator: invalid value 'Notin'; it has to be one of In, NotIn, Exists, DoesNotExist"),
                Arguments.of(
                        "apiVersion: v1\nkind: Pod\nmetadata: {name: web\nspec:\n",
                        "4:5: is not YAML: expected ',' or '}', but got : (while parsing a flow mapping)"),
                Arguments.of(
                        "apiVersion: v1\n\u0007kind: Pod\n",
                        "2:1: is not YAML: it may not contain the character U+0007"));
    }

    @ParameterizedTest
    @MethodSource("brokenManifests")
    void faultIsReportedWithItsPlace(String text, String fault) {
        assertThat(parse(text).faults().stream().map(each -> each.line() + ":" + each.column() + ": " + each.reason()))
                .containsExactly(fault);
    }

    @Test
    void allFaultsOfAFileAreReported() {
        ManifestFile file = parse(NODE.replace("192.0.2.1", "x").replace("fd99::1", "y") + "---\n"
                + POD.replace("Running", "Jogging") + "---\n" + POD + "---\n" + POD);

        assertThat(file.faults()).extracting(ManifestFault::line).containsExactly(14, 15, 31, 53);
        assertThat(file.faults().getLast().reason())
                .isEqualTo("Pod shop/web: is defined twice; the other definition begins at line 35");
    }

    @Test
    void textThatIsNoUtf8IsReportedWithItsPlace() {
        byte[] bytes = "apiVersion: v1\nkind: P?d\n".getBytes(StandardCharsets.UTF_8);
        bytes[22] = (byte) 0xf6;

        assertThat(parse(bytes).faults()).containsExactly(new ManifestFault(2, 8, "is not UTF-8: byte 0xf6"));
    }

    @Test
    void recursionAndDepthAreFaults() {
        assertThat(parse("apiVersion: v1\nkind: List\nitems: &items [*items]\n").faults())
                .isNotEmpty();
        assertThat(parse("[".repeat(200_000)).faults()).hasSize(1);
    }

    @Test
    void mangledManifestsAreReadOrReportedButNeverThrow() {
        byte[] all = (NODE + "---\n" + POD + "---\n" + POLICY).getBytes(StandardCharsets.UTF_8);
        Seeds.forEach(1000, random -> {
            byte[] mangled = all.clone();
            for (int i = random.between(1, 8); i > 0; i--) {
                int at = random.between(0, mangled.length - 1);
                mangled[at] = random.chance(0.3)
                        ? (byte) random.bits()
                        : (byte) (int) random.oneOf(10, 32, 58, 45, 91, 93, 123, 125, 34, 38, 42, 0x30);
            }
            mangled = Arrays.copyOf(mangled, random.between(1, mangled.length));

            ManifestFile file = parse(mangled);

            assertThat(file.faults()).allMatch(fault -> fault.line() >= 1 && fault.column() >= 1);
        });
    }
}
