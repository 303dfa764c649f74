package dev.ikat.agent.announce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ElectionTest {
    private static final List<IpAddress> ADDRESSES = Stream.concat(
                    IntStream.range(0, 1000)
                            .mapToObj(i -> IpAddress.parse("192.0.2.0").plus(i)),
                    IntStream.range(0, 1000)
                            .mapToObj(i -> IpAddress.parse("2001:db8::").plus(i)))
            .toList();

    private static List<String> nodes(int count) {
        return IntStream.range(0, count).mapToObj(i -> "worker-" + i).toList();
    }

    private static Map<IpAddress, String> owners(List<String> nodes) {
        Map<IpAddress, String> owners = new HashMap<>();
        ADDRESSES.forEach(
                address -> owners.put(address, Election.first(nodes, address).orElseThrow()));
        return owners;
    }

    @Test
    void withoutNodesThereIsNone() {
        assertThat(Election.first(List.of(), ADDRESSES.getFirst())).isEmpty();
    }

    @Test
    void orderOfTheNodesDoesNotMatter() {
        assertThat(owners(nodes(9).reversed())).isEqualTo(owners(nodes(9)));
    }

    @Test
    void neighbouringAddressesAreSpreadEvenly() {
        for (int count : new int[] {2, 3, 10, 50}) {
            Map<String, Integer> shares = new HashMap<>();
            owners(nodes(count)).values().forEach(owner -> shares.merge(owner, 1, Integer::sum));

            // Five standard deviations of a binomial distribution.
            double mean = (double) ADDRESSES.size() / count;
            double bound = 5 * Math.sqrt(mean);
            assertThat(shares).hasSize(count);
            assertThat(shares.values())
                    .allSatisfy(share -> assertThat((double) share).isBetween(mean - bound, mean + bound));
        }
    }

    @Test
    void onlyAddressesOfANodeThatGoesMove() {
        List<String> all = nodes(7);
        Map<IpAddress, String> before = owners(all);
        List<String> left = new ArrayList<>(all);
        left.remove("worker-3");
        Map<IpAddress, String> after = owners(left);

        before.forEach((address, owner) -> {
            if (!owner.equals("worker-3")) {
                assertThat(after).containsEntry(address, owner);
            }
        });
        assertThat(before.entrySet().stream()
                        .filter(entry -> entry.getValue().equals("worker-3"))
                        .map(entry -> after.get(entry.getKey()))
                        .distinct())
                .as("who takes them over")
                .hasSize(6);
    }

    private static Node node(String name, String address, boolean ready, String... labels) {
        return new Node(
                name, Labels.of(labels), List.of(), List.of(IpAddress.parse(address)), Optional.empty(), false, ready);
    }

    private static AnnouncePlan plan(Optional<Set<String>> confined, Node... nodes) {
        Map<String, Node> byName = new HashMap<>();
        List.of(nodes).forEach(node -> byName.put(node.name(), node));
        SortedMap<IpAddress, Optional<Set<String>>> addresses = new TreeMap<>();
        ADDRESSES.forEach(address -> addresses.put(address, confined));
        return new AnnouncePlan(byName, addresses, Optional.empty());
    }

    private static Set<Optional<String>> owners(AnnouncePlan plan, Membership members) {
        AnnounceLink link = new AnnounceLink(
                2,
                new InterfaceName("eth0"),
                new MacAddress(0x0200_0000_0001L),
                true,
                Set.of(Cidr.parse("10.0.0.0/24")));
        return Set.copyOf(Election.owners("here", plan, link, members).values());
    }

    /** This node, which takes part and has heard these others, that take part, too. */
    private static Membership members(String... heard) {
        long now = 0;
        Membership members = new Membership("here", () -> 7, now);
        members.join(now);
        for (int i = 0; i < 20; i++) {
            now = i * Membership.INTERVAL.toNanos();
            members.wake(now);
            for (String other : heard) {
                members.hear(
                        new Heartbeat(other, IpAddress.parse("10.0.0.2"), 8, Heartbeat.Standing.JOINING, Map.of()),
                        new MacAddress(2),
                        now);
            }
            members.settle(now);
        }
        for (String other : heard) {
            members.hear(
                    new Heartbeat(other, IpAddress.parse("10.0.0.2"), 8, Heartbeat.Standing.ACTIVE, Map.of()),
                    new MacAddress(2),
                    now);
        }
        return members;
    }

    @Test
    void nodeThatHearsNobodyLeavesReadyNodesOfItsLinkTheirShare() {
        AnnouncePlan plan = plan(
                Optional.empty(),
                node("here", "10.0.0.1", true),
                node("ready", "10.0.0.2", true),
                node("dead", "10.0.0.3", false),
                node("elsewhere", "10.9.0.4", true),
                node("excluded", "10.0.0.5", true, Node.EXCLUDED_LABEL, ""));

        assertThat(owners(plan, members())).containsExactlyInAnyOrder(Optional.of("here"), Optional.of("ready"));
        assertThat(owners(plan, members("elsewhere")))
                .containsExactlyInAnyOrder(Optional.of("here"), Optional.of("elsewhere"));
    }

    @Test
    void addressIsConfinedToNodesWithAnEndpoint() {
        Node here = node("here", "10.0.0.1", true);
        Node there = node("there", "10.0.0.2", true);

        assertThat(owners(plan(Optional.of(Set.of("there")), here, there), members("there")))
                .containsExactly(Optional.of("there"));
        assertThat(owners(plan(Optional.of(Set.of()), here, there), members("there")))
                .containsExactly(Optional.empty());
        assertThat(owners(plan(Optional.of(Set.of("away")), here, there), members("there")))
                .containsExactly(Optional.empty());
    }

    @Test
    void nodeWithTheLabelGetsNoAddressThoughItIsHeard() {
        AnnouncePlan plan = plan(
                Optional.empty(),
                node("here", "10.0.0.1", true),
                node("there", "10.0.0.2", true, Node.EXCLUDED_LABEL, "true"));

        assertThat(owners(plan, members("there"))).containsExactly(Optional.of("here"));
    }

    @Test
    void heartbeatOfAnotherClustersNodeIsNotKnown() {
        AnnouncePlan plan = plan(Optional.empty(), node("here", "10.0.0.1", true));

        assertThat(plan.knows(
                        new Heartbeat("here", IpAddress.parse("10.0.0.1"), 1, Heartbeat.Standing.ACTIVE, Map.of())))
                .isTrue();
        assertThat(plan.knows(
                        new Heartbeat("here", IpAddress.parse("10.0.0.9"), 1, Heartbeat.Standing.ACTIVE, Map.of())))
                .isFalse();
    }

    @Test
    void resultIsTheSameOnEachVersionOfTheAgent() {
        assertThat(Stream.of("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2")
                        .map(text ->
                                Election.first(nodes(5), IpAddress.parse(text)).orElseThrow()))
                .containsExactly("worker-4", "worker-1", "worker-4", "worker-3", "worker-0");
    }
}
