package dev.ikat.agent.announce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.ArpPacket;
import dev.ikat.netlink.packet.ArpPacket.Operation;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;
import dev.ikat.netlink.packet.NeighbourPacket.Solicitation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OwnAddressesTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final MacAddress OTHER = MacAddress.parse("02:00:00:00:00:02");
    private static final IpAddress V4 = IpAddress.parse("192.0.2.7");
    private static final IpAddress V6 = IpAddress.parse("2001:db8::7");
    private static final IpAddress CLIENT = IpAddress.parse("192.0.2.100");

    private final List<String> sent = new ArrayList<>();
    private final OwnAddresses own = new OwnAddresses(MAC, new Wire() {
        @Override
        public void send(MacAddress to, ArpPacket packet) {
            sent.add(packet.operation() + " " + packet.senderIp() + " to " + to);
        }

        @Override
        public void send(MacAddress to, Advertisement packet) {
            sent.add((packet.solicited() ? "answer " : "unasked ") + packet.target() + " to " + to);
        }
    });

    private static ArpPacket request(IpAddress target) {
        return new ArpPacket(Operation.REQUEST, OTHER, CLIENT, new MacAddress(0), target);
    }

    private static long seconds(double seconds) {
        return (long) (seconds * 1e9);
    }

    @Test
    void onlyWhatIsOwnIsAnswered() {
        assertThat(own.keep(List.of(V4, V6), 0)).containsExactly(V4, V6);

        assertThat(own.answer(request(V4))).isTrue();
        assertThat(own.answer(request(IpAddress.parse("192.0.2.8")))).isFalse();
        assertThat(own.answer(new ArpPacket(Operation.REPLY, OTHER, CLIENT, MAC, V4)))
                .isFalse();
        assertThat(own.answer(new Solicitation(IpAddress.parse("fe80::1"), V6, Optional.empty()), OTHER))
                .isTrue();
        assertThat(own.answer(new Solicitation(IpAddress.parse("::"), V6, Optional.empty()), OTHER))
                .isTrue();

        assertThat(sent)
                .containsExactly(
                        "REPLY 192.0.2.7 to 02:00:00:00:00:02",
                        "answer 2001:db8::7 to 02:00:00:00:00:02",
                        "unasked 2001:db8::7 to 33:33:00:00:00:01");
        sent.clear();
        assertThat(own.keep(List.of(V6), 0)).isEmpty();
        assertThat(own.answer(request(V4))).isFalse();
        assertThat(sent).isEmpty();
    }

    @Test
    void everybodyIsToldFiveTimesInTheFirstSecondAndThenEachMinute() {
        own.keep(List.of(V6), 0);
        for (double at = 0; at < 1; at += 0.05) {
            own.announce(seconds(at));
        }
        assertThat(sent).hasSize(5);

        for (double at = 1; at < 122; at += 0.2) {
            own.announce(seconds(at));
        }
        assertThat(sent).hasSize(7);
    }

    @Test
    void everybodyIsToldOfIpv4InBothForms() {
        own.keep(List.of(V4), 0);
        own.announce(0);

        assertThat(sent)
                .containsExactly("REQUEST 192.0.2.7 to ff:ff:ff:ff:ff:ff", "REPLY 192.0.2.7 to ff:ff:ff:ff:ff:ff");
    }

    @Test
    void anotherHostsClaimIsAConflictAndAnotherNodesIsNot() {
        own.keep(List.of(V4), 0);

        assertThat(own.claimed(V4, OTHER, Set.of(OTHER), 0)).isEmpty();
        assertThat(own.claimed(V4, MAC, Set.of(), 0)).isEmpty();
        assertThat(own.claimed(CLIENT, OTHER, Set.of(), 0)).isEmpty();
        assertThat(own.conflicts()).isEmpty();
        assertThat(sent).isEmpty();

        assertThat(own.claimed(V4, OTHER, Set.of(), 0)).contains(new AddressConflict(V4, OTHER));
        assertThat(own.conflicts()).containsExactly(new AddressConflict(V4, OTHER));
        assertThat(sent).hasSize(2);
    }

    @Test
    void addressIsDefendedOnceInTenSecondsAndTheConflictIsForgotten() {
        own.keep(List.of(V6), 0);
        assertThat(own.claimed(V6, OTHER, Set.of(), 0)).isPresent();
        for (int second = 1; second < 25; second++) {
            assertThat(own.claimed(V6, OTHER, Set.of(), seconds(second))).isEmpty();
        }
        assertThat(sent).hasSize(3);

        own.announce(
                seconds(24) + OwnAddresses.MEMORY.plus(Duration.ofSeconds(1)).toNanos());

        assertThat(own.conflicts()).isEmpty();
    }
}
