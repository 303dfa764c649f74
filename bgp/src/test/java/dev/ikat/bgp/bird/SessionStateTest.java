package dev.ikat.bgp.bird;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionStateTest {
    private static BirdReply reply(String text) {
        BirdReply.Gatherer gatherer = new BirdReply.Gatherer();
        text.lines().forEach(gatherer::add);
        assertThat(gatherer.isWhole()).isTrue();
        return gatherer.reply();
    }

    @Test
    void sessionThatWaitsForARouterIsAsTheOneWithTheRouterThatHasCome() {
        BirdReply reply = reply("""
                1002-peer-tor   BGP        ---        start  1790000001    Passive
                1006-  BGP state:          Passive
                1002-peer-tor:1 BGP        ---        up     1790000002    Established
                1006-  BGP state:          Established
                   Channel ipv4
                     Routes:         3 imported, 2 exported, 1 preferred
                1006-
                1002-peer-late  BGP        ---        start  1790000003    Passive
                1006-  BGP state:          Passive
                0000\s
                """);

        assertThat(SessionState.read(reply))
                .extracting(SessionState::name, SessionState::state, SessionState::received)
                .containsExactly(tuple("peer-tor", "Established", 3L), tuple("peer-late", "Passive", 0L));
    }

    @Test
    void sessionsAreReadFromWhatBirdTells() {
        BirdReply reply = reply("""
                2002-Name       Proto      Table      State  Since         Info
                1002-device1    Device     ---        up     1790000000
                1006-
                1002-'peer-tor' BGP        ---        up     1790000001    Established
                1006-  BGP state:          Established
                     Neighbor address: 192.0.2.254
                   Channel ipv4
                     State:          UP
                     Routes:         3 imported, 2 exported, 1 preferred
                   Channel ipv6
                     Routes:         4 imported, 7 filtered, 1 exported, 1 preferred
                1006-
                1002-peer-other BGP        ---        start  1790000002    Connect       Socket: Connection refused
                1006-  BGP state:          Connect
                     Neighbor address: 192.0.2.253
                     Last error:       Socket: Connection refused
                0000\s
                """);

        assertThat(SessionState.read(reply))
                .containsExactly(
                        new SessionState(
                                "'peer-tor'",
                                true,
                                "Established",
                                Optional.of(Instant.ofEpochSecond(1790000001)),
                                7,
                                3,
                                Optional.empty()),
                        new SessionState(
                                "peer-other",
                                false,
                                "Connect",
                                Optional.of(Instant.ofEpochSecond(1790000002)),
                                0,
                                0,
                                Optional.of("Socket: Connection refused")));
    }

    @Test
    void answerIsWholeWhenItsLastLineIs() {
        BirdReply.Gatherer gatherer = new BirdReply.Gatherer();
        gatherer.add("0002-Reading configuration from /run/ikat/bgp/bird.conf");
        gatherer.add("+what it logs meanwhile");
        assertThat(gatherer.isWhole()).isFalse();
        gatherer.add("8002 /run/ikat/bgp/bird.conf:1:1 syntax error");
        assertThat(gatherer.isWhole()).isTrue();
        assertThat(gatherer.reply().isError()).isTrue();
        assertThat(gatherer.reply().words()).endsWith("syntax error");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "12 short", "abcd text", "0001", "0001x", " continued"})
    void lineOfNoAnswerIsRefused(String line) {
        assertThatThrownBy(() -> new BirdReply.Gatherer().add(line)).isInstanceOf(IllegalArgumentException.class);
    }
}
