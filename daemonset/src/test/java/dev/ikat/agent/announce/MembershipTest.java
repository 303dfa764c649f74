package dev.ikat.agent.announce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.announce.Heartbeat.Standing;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Several nodes on one link, of which each hears some others, with a clock that stands still between steps. */
class MembershipTest {
    private static final long STEP = Duration.ofMillis(20).toNanos();
    private static final IpAddress ADDRESS = IpAddress.parse("192.0.2.77");

    private final List<Station> stations = new ArrayList<>();
    /** Pairs of which the second does not hear the first. */
    private final Set<List<Integer>> deaf = new HashSet<>();

    private Generator random = new Generator(1);
    private long now;

    /** A node: what an agent makes of heartbeats in a round. */
    private final class Station {
        private final int number;
        private final List<Heartbeat> unread = new ArrayList<>();
        private final List<Integer> senders = new ArrayList<>();
        private Membership members;
        private boolean running = true;
        private boolean stopped;
        private long nextBeat;
        private Optional<Standing> said = Optional.empty();

        Station(int number) {
            this.number = number;
            this.members = fresh();
        }

        private Membership fresh() {
            Membership members = new Membership("node-" + number, random::bits, now);
            members.join(now);
            return members;
        }

        String name() {
            return "node-" + number;
        }

        void restart() {
            members = fresh();
            unread.clear();
            senders.clear();
            running = true;
            stopped = false;
        }

        void round() {
            members.wake(now);
            for (int i = 0; i < unread.size(); i++) {
                members.hear(unread.get(i), mac(senders.get(i)), now);
            }
            unread.clear();
            senders.clear();
            members.settle(now);
            if (now - nextBeat >= 0 || !said.equals(members.standing())) {
                nextBeat = now + Membership.INTERVAL.toNanos();
                said = members.standing();
                members.beat(address(number)).ifPresent(this::send);
            }
        }

        void send(Heartbeat heartbeat) {
            for (Station other : stations) {
                if (other != this && !deaf.contains(List.of(number, other.number)) && !other.stopped) {
                    other.unread.add(heartbeat);
                    other.senders.add(number);
                }
            }
        }

        boolean owns(IpAddress address) {
            return running
                    && members.active().contains(name())
                    && Election.first(members.active(), address).equals(Optional.of(name()));
        }
    }

    private static IpAddress address(int number) {
        return IpAddress.parse("10.0.0.1").plus(number);
    }

    private static MacAddress mac(int number) {
        return new MacAddress(0x0200_0000_0000L + number);
    }

    private void start(int count) {
        IntStream.range(0, count).forEach(number -> stations.add(new Station(number)));
    }

    private void pass(Duration time) {
        for (long end = now + time.toNanos(); now < end; now += STEP) {
            stations.stream().filter(station -> station.running).forEach(Station::round);
        }
    }

    private List<Station> owners(IpAddress address) {
        return stations.stream().filter(station -> station.owns(address)).toList();
    }

    /** How long it takes until exactly one node owns the address. */
    private Duration untilOwned(IpAddress address) {
        long since = now;
        while (owners(address).size() != 1) {
            assertThat(Duration.ofNanos(now - since)).isLessThan(Duration.ofSeconds(30));
            pass(Duration.ofNanos(STEP));
        }
        return Duration.ofNanos(now - since);
    }

    private void settled(int count) {
        start(count);
        pass(Membership.HOLD_DOWN.plusSeconds(3));
        assertThat(owners(ADDRESS)).hasSize(1);
    }

    @Test
    void nodesThatStartTogetherHaveAnAddressAfterListening() {
        start(3);

        assertThat(untilOwned(ADDRESS))
                .isBetween(Membership.LISTENING.minusMillis(50), Membership.LISTENING.plusMillis(100));
    }

    @Test
    void addressOfANodeThatDiesIsTakenOverWithinASecond() {
        settled(4);
        Station owner = owners(ADDRESS).getFirst();

        owner.running = false;

        assertThat(untilOwned(ADDRESS)).isLessThan(Duration.ofMillis(850));
        assertThat(owners(ADDRESS)).doesNotContain(owner);
    }

    @Test
    void addressOfANodeThatLeavesIsTakenOverAtOnce() {
        settled(4);
        Station owner = owners(ADDRESS).getFirst();

        owner.members.leave(address(owner.number)).ifPresent(owner::send);
        owner.running = false;

        assertThat(untilOwned(ADDRESS)).isLessThan(Duration.ofMillis(50));
    }

    @Test
    void nodeThatReturnsTakesItsAddressesAfterTheHoldDown() {
        settled(4);
        Station owner = owners(ADDRESS).getFirst();
        owner.running = false;
        pass(Duration.ofSeconds(2));
        Station successor = owners(ADDRESS).getFirst();

        owner.restart();
        pass(Membership.HOLD_DOWN.minusMillis(500));

        assertThat(owners(ADDRESS)).containsExactly(successor);
        pass(Duration.ofSeconds(1));
        assertThat(owners(ADDRESS)).containsExactly(owner);
    }

    @Test
    void nodeThatCouldNotRunForAWhileBeginsAnewBeforeItAnswers() {
        settled(3);
        Station owner = owners(ADDRESS).getFirst();
        owner.running = false;
        pass(Duration.ofSeconds(2));

        owner.running = true;
        owner.round();

        assertThat(owner.owns(ADDRESS)).isFalse();
        assertThat(owner.members.heard()).hasSize(2);
        pass(Membership.HOLD_DOWN.plusSeconds(1));
        assertThat(owners(ADDRESS)).containsExactly(owner);
    }

    @Test
    void nodeThatIsAloneGoesOnAfterAPause() {
        start(1);
        pass(Duration.ofSeconds(2));
        stations.getFirst().running = false;
        pass(Duration.ofSeconds(2));
        stations.getFirst().running = true;
        stations.getFirst().round();

        assertThat(owners(ADDRESS)).hasSize(1);
    }

    @Test
    void nodeThatWasNotHeardForAWhileIsToldAndBeginsAnew() {
        settled(3);
        Station owner = owners(ADDRESS).getFirst();
        stations.forEach(other -> deaf.add(List.of(owner.number, other.number)));
        pass(Duration.ofMillis(1500));
        assertThat(owners(ADDRESS)).doesNotContain(owner).hasSize(1);

        deaf.clear();

        assertThat(owner.members.standing()).contains(Standing.JOINING);
        pass(Membership.HOLD_DOWN.plusSeconds(1));
        assertThat(owners(ADDRESS)).containsExactly(owner);
    }

    @Test
    void ofTwoThatHaveGivenEachOtherUpOneGoesOn() {
        settled(2);
        deaf.add(List.of(0, 1));
        deaf.add(List.of(1, 0));
        pass(Duration.ofSeconds(2));
        assertThat(owners(ADDRESS)).hasSize(2);

        deaf.clear();
        pass(Duration.ofMillis(500));

        assertThat(owners(ADDRESS)).hasSize(1);
        for (int i = 0; i < 200; i++) {
            pass(Duration.ofMillis(100));
            assertThat(owners(ADDRESS)).hasSize(1);
        }
    }

    /** Whatever happens, once all nodes hear each other again each address has one owner, and all agree who that is. */
    @Test
    void afterAnyHistoryEachAddressHasOneOwner() {
        Seeds.forEach(150, seeded -> {
            MembershipTest scene = new MembershipTest();
            scene.random = seeded;
            scene.history();
        });
    }

    private void history() {
        start(random.between(1, 6));
        int events = random.between(1, 25);
        for (int i = 0; i < events; i++) {
            happen();
            pass(Duration.ofMillis(random.between(0, random.chance(0.2) ? 12_000 : 1_500)));
        }
        deaf.clear();
        stations.forEach(station -> {
            if (station.stopped) {
                station.restart();
            }
            station.running = true;
        });
        // Those that are told to begin anew do so one after the other at worst.
        pass(Membership.HOLD_DOWN.multipliedBy(2).plusSeconds(5));

        Set<String> all = new TreeSet<>(stations.stream().map(Station::name).toList());
        for (Station station : stations) {
            assertThat(station.members.active()).isEqualTo(all);
        }
        for (int i = 0; i < 50; i++) {
            assertThat(owners(ADDRESS.plus(i))).hasSize(1);
        }
    }

    private void happen() {
        Station one = random.oneOf(stations);
        switch (random.between(0, 5)) {
            case 0 -> {
                // It dies, and what has arrived with it.
                one.running = false;
                one.stopped = true;
            }
            case 1 -> {
                if (one.running) {
                    one.members.leave(address(one.number)).ifPresent(one::send);
                    one.running = false;
                    one.stopped = true;
                }
            }
            case 2 -> one.restart();
            case 3 -> one.running = one.stopped ? one.running : !one.running;
            case 4 ->
                stations.forEach(other -> {
                    if (random.chance(0.4)) {
                        deaf.add(List.of(one.number, other.number));
                    }
                    if (random.chance(0.4)) {
                        deaf.add(List.of(other.number, one.number));
                    }
                });
            default -> deaf.clear();
        }
    }
}
