package dev.ikat.agent.attack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Crafted;
import dev.ikat.testbed.traffic.Frames;
import dev.ikat.testbed.traffic.Frames.Mark;
import dev.ikat.testbed.traffic.Frames.Place;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * One attack while it is made: what the attacker sends and where that must not come in, and controls, packets from the
 * same hand that have to. Controls go by the same way after the forged ones, so once they are there, nothing of those
 * is still to come.
 */
final class Attempt {
    private final AttackScene scene;
    private final Frames frames = new Frames();
    private final List<Sent> forged = new ArrayList<>();
    private final List<Sent> controls = new ArrayList<>();
    private boolean played;

    /** What comes in at a pod's own interface, or by any of the network outside; datagrams that a node receives. */
    final Place victim;

    final Place remote;
    final Place friend;
    final Place attacker;
    final Place world;
    final Place node;
    final Place otherNode;

    private record Sent(Mark mark, List<Place> places, String what) {
        Place place() {
            return places.getFirst();
        }
    }

    Attempt(AttackScene scene) {
        this.scene = scene;
        victim = at(scene.victim());
        remote = at(scene.remote());
        friend = at(scene.friend());
        attacker = at(scene.attacker());
        world = frames.watch("the world", scene.cluster().underlay().namespace(), "*");
        node = frames.listen("the node", scene.node().namespace(), AttackScene.ALLOWED);
        otherNode = frames.listen("the other node", scene.otherNode().namespace(), AttackScene.ALLOWED);
    }

    private Place at(ClusterPod pod) {
        return frames.watch(pod.name(), pod.namespace(), "eth0");
    }

    /** What comes in by an interface of the node's. */
    Place watchNode(String link) {
        return frames.watch("the node's " + link, scene.node().namespace(), link);
    }

    AttackScene scene() {
        return scene;
    }

    /** Both victims. */
    Stream<ClusterPod> victims() {
        return Stream.of(scene.victim(), scene.remote());
    }

    Place placeOf(ClusterPod pod) {
        return pod == scene.victim() ? victim : remote;
    }

    /** The attacker's own address. */
    IpAddress own(IpFamily family) {
        return AttackScene.of(scene.attacker(), family);
    }

    /** Something that the attacker sends to its gateway; it must not come in at any of these places. */
    void forge(String what, IpFamily family, UnaryOperator<byte[]> packetWithMark, Place... places) {
        forgeFrame(what, mark -> toGateway(family, packetWithMark.apply(mark)), places);
    }

    /** The same with the whole frame. */
    void forgeFrame(String what, UnaryOperator<byte[]> frameWithMark, Place... places) {
        Mark mark = frames.mark();
        forged.add(new Sent(mark, List.of(places), what));
        frames.send(scene.attacker().namespace(), "eth0", frameWithMark.apply(mark.bytes()));
    }

    /** One more part of what was forged last, or of the next control: a fragment without a mark. */
    void part(IpFamily family, byte[] packet) {
        frames.send(scene.attacker().namespace(), "eth0", toGateway(family, packet));
    }

    /** Something that the attacker sends and that has to come in there. */
    void control(String what, IpFamily family, UnaryOperator<byte[]> packetWithMark, Place place) {
        controlFrame(what, mark -> toGateway(family, packetWithMark.apply(mark)), place);
    }

    /** The same with the whole frame. */
    void controlFrame(String what, UnaryOperator<byte[]> frameWithMark, Place place) {
        send(what, scene.attacker().namespace(), frameWithMark, place);
    }

    /** What another pod sends, by its gateway, and has to come in there; the attacker must not get it. */
    void others(String what, ClusterPod from, IpFamily family, UnaryOperator<byte[]> packetWithMark, Place place) {
        send(
                what,
                from.namespace(),
                mark -> Crafted.ethernet(
                        AttackScene.GATEWAY_MAC,
                        AttackScene.mac(from.namespace()),
                        Crafted.etherType(family),
                        packetWithMark.apply(mark)),
                place);
    }

    private void send(String what, TestNamespace from, UnaryOperator<byte[]> frameWithMark, Place place) {
        Mark mark = frames.mark();
        controls.add(new Sent(mark, List.of(place), what));
        if (from != scene.attacker().namespace() && !place.equals(attacker)) {
            forged.add(new Sent(mark, List.of(attacker), what + ", overheard"));
        }
        frames.send(from, "eth0", frameWithMark.apply(mark.bytes()));
        frames.await(place, mark);
    }

    /** The usual control: a datagram under the attacker's own address to each victim's allowed port. */
    void allowed(IpFamily... families) {
        for (IpFamily family : families) {
            victims()
                    .forEach(to -> control(
                            family + ": allowed",
                            family,
                            mark -> datagram(own(family), AttackScene.of(to, family), AttackScene.ALLOWED, mark),
                            placeOf(to)));
        }
    }

    /** A datagram from one address to another one's port. */
    static byte[] datagram(IpAddress from, IpAddress to, int port, byte[] payload) {
        return Crafted.ip(from, to, Crafted.UDP, Crafted.udp(7000, port, payload));
    }

    byte[] toGateway(IpFamily family, byte[] packet) {
        return Crafted.ethernet(AttackScene.GATEWAY_MAC, scene.attackerMac(), Crafted.etherType(family), packet);
    }

    /** Plays it, unless that was done, and says what is wrong. */
    void verify() {
        if (played) {
            return;
        }
        played = true;
        Frames.Sightings seen = frames.run();
        assertThat(controls).as("controls").isNotEmpty();
        assertThat(controls)
                .filteredOn(control -> !seen.contains(control.place(), control.mark))
                .as("controls that did not arrive: the attack was not tried")
                .isEmpty();
        assertThat(forged)
                .flatMap(attack -> attack.places.stream()
                        .filter(place -> seen.contains(place, attack.mark))
                        .map(place -> attack.what + " came in at " + place)
                        .toList())
                .as("forged packets that arrived")
                .isEmpty();
    }
}
