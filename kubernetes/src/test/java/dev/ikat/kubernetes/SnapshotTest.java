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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotTest {
    @TempDir
    private Path directory;

    private static Snapshot snapshot(Path state) {
        return new Snapshot(state, new KindSet(ApiKinds.NETWORKING));
    }

    @Test
    void linkInTheSnapshotsPlaceIsNotFollowed() throws Exception {
        Path state = Files.createDirectory(directory.resolve("own"));
        Path victim = Files.writeString(directory.resolve("victim"), "as it was");
        Files.createSymbolicLink(state.resolve("." + Snapshot.FILE + ".new"), victim);
        Files.createSymbolicLink(state.resolve(Snapshot.FILE), victim);

        assertThat(snapshot(state).read()).isEmpty();
        snapshot(state).write(List.of());

        assertThat(victim).hasContent("as it was");
        assertThat(Files.isSymbolicLink(state.resolve(Snapshot.FILE))).isFalse();
    }

    @Test
    void snapshotHasEverythingThatObjectsSay() throws Exception {
        List<ClusterObject> objects = List.of(
                new Node(
                        "a",
                        Labels.of("zone", "z"),
                        List.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd55::/64")),
                        List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("2001:db8::1")),
                        Optional.of(Instant.parse("2026-01-02T03:04:05Z")),
                        true),
                new Node("b", Labels.NONE, List.of(), List.of()),
                new Namespace("shop", Labels.of("team", "x", "empty", "")),
                new Pod(
                        "shop",
                        "web",
                        Labels.of("app", "web"),
                        Optional.of("a"),
                        List.of(IpAddress.parse("10.244.1.2"), IpAddress.parse("fd55::2")),
                        false,
                        Pod.Phase.RUNNING,
                        List.of(
                                new Pod.NamedPort("http", Protocol.TCP, 8080),
                                new Pod.NamedPort("dns", Protocol.UDP, 53))),
                new Pod("shop", "job", Labels.NONE, Optional.empty(), List.of(), true, Pod.Phase.SUCCEEDED, List.of()),
                new NetworkPolicy(
                        "shop",
                        "deny",
                        LabelSelector.EVERYTHING,
                        EnumSet.of(Direction.INGRESS, Direction.EGRESS),
                        List.of(),
                        List.of()),
                new NetworkPolicy(
                        "shop",
                        "allow",
                        new LabelSelector(
                                Labels.of("app", "web"),
                                List.of(
                                        new Requirement("a", Operator.IN, Set.of("x", "y")),
                                        new Requirement("b", Operator.NOT_IN, Set.of("1")),
                                        new Requirement("c", Operator.EXISTS, Set.of()),
                                        new Requirement("d", Operator.DOES_NOT_EXIST, Set.of()))),
                        EnumSet.of(Direction.EGRESS),
                        List.of(new Rule(List.of(), List.of())),
                        List.of(new Rule(
                                List.of(
                                        new SelectedPods(Optional.of(LabelSelector.EVERYTHING), Optional.empty()),
                                        new SelectedPods(Optional.empty(), Optional.of(LabelSelector.of("x", "y"))),
                                        new SelectedPods(
                                                Optional.of(LabelSelector.of("x", "y")),
                                                Optional.of(LabelSelector.EVERYTHING)),
                                        new IpBlock(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("10.1.0.0/16"))),
                                        new IpBlock(Cidr.parse("::/0"), List.of())),
                                List.of(
                                        new PortRule(Protocol.TCP, new AnyPort()),
                                        new PortRule(Protocol.UDP, new PortName("dns")),
                                        new PortRule(Protocol.SCTP, new PortNumbers(80, 80)),
                                        new PortRule(Protocol.TCP, new PortNumbers(1, 65_535)))))));
        Snapshot snapshot = snapshot(directory);

        snapshot.write(objects);

        assertThat(snapshot.read().orElseThrow().objects()).isEqualTo(objects);
    }
}
