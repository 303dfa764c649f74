package dev.ikat.agent.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ManifestDirectory;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.Verdict;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** What the evaluator says of each connection: the same manifests, read and compiled afresh for each node. */
final class Oracle {
    private final ClusterText cluster;
    private final Map<String, Evaluator> evaluators = new HashMap<>();

    private Oracle(ClusterText cluster) {
        this.cluster = cluster;
    }

    /**
     * The oracle of a cluster as it is now.
     *
     * @param directory where it may write the manifests
     */
    static Oracle of(ClusterText cluster, Path directory) {
        try {
            Files.writeString(directory.resolve("cluster.yaml"), cluster.render());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Oracle oracle = new Oracle(cluster);
        List<ClusterChange> read = new ArrayList<>();
        try (ManifestDirectory manifests = new ManifestDirectory(directory, ApiKinds.NETWORKING)) {
            manifests.start(read::add);
            if (!manifests.faults().isEmpty()) {
                throw new IllegalArgumentException("the case's objects are not valid: " + manifests.faults());
            }
        }
        for (String node : Ends.NODES) {
            PolicyCompiler compiler = new PolicyCompiler(node);
            Ends.PODS.stream()
                    .filter(pod -> Ends.nodeOf(pod).equals(node))
                    .forEach(pod -> compiler.update(List.of(new PolicyInput.Wired(oracle.endpoint(pod)))));
            compiler.update(read.getFirst());
            oracle.evaluators.put(node, new Evaluator(compiler.program()));
        }
        return oracle;
    }

    private Endpoint endpoint(String pod) {
        int number = Ends.PODS.indexOf(pod);
        return new Endpoint(
                new Attachment(new ContainerId("pod" + number), new InterfaceName("eth0")),
                new InterfaceName("ik" + number),
                List.of(cluster.address(pod, IpFamily.IPV4), cluster.address(pod, IpFamily.IPV6)),
                Optional.of(new ObjectKey(ObjectKind.POD, Ends.namespaceOf(pod), Ends.nameOf(pod))));
    }

    /** Whether the connection is made: where both nodes let it pass. */
    boolean allows(Cell cell) {
        // A node's own traffic with its own pods is not policy's.
        boolean ofTheNodeItself = (Ends.isNode(cell.from()) || Ends.isNode(cell.to()))
                && Ends.nodeOf(cell.from()).equals(Ends.nodeOf(cell.to()));
        return ofTheNodeItself || verdicts(cell).stream().allMatch(Verdict::accepted);
    }

    /** Fails where the evaluator says otherwise than the table. */
    void assertSays(String what, Map<Cell, Boolean> expected) {
        Map<Cell, Boolean> said = new HashMap<>();
        expected.keySet().forEach(cell -> said.put(cell, allows(cell)));
        assertThat(Differences.cells(expected, said))
                .as(() -> Differences.describe(
                        what + ", evaluator",
                        expected,
                        said,
                        cell -> verdicts(cell).toString()))
                .isEmpty();
    }

    /** What each node that the connection crosses says of it. */
    List<Verdict> verdicts(Cell cell) {
        Flow flow = flow(cell);
        return List.of(Ends.nodeOf(cell.from()), Ends.nodeOf(cell.to())).stream()
                .distinct()
                .map(node -> Objects.requireNonNull(evaluators.get(node)).evaluate(flow))
                .toList();
    }

    private Flow flow(Cell cell) {
        IpFamily family = cell.attempt().family();
        IpAddress own = cluster.address(cell.from(), family);
        IpAddress from = Ends.source(cell.from(), cell.to(), family, own);
        IpAddress to = cluster.address(cell.to(), family);
        int port = cell.attempt().port();
        return switch (cell.attempt().protocol()) {
            case TCP -> Flow.of(from, to, Protocol.TCP, port);
            case UDP -> Flow.of(from, to, Protocol.UDP, port);
            case SCTP -> Flow.of(from, to, Protocol.SCTP, port);
            case ICMP -> Flow.ping(from, to);
        };
    }
}
