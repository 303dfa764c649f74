package dev.ikat.agent.it;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets that arrive because a node announces their address reach the endpoints with each backend of services. */
final class AnnounceBackendsIT extends AnnounceScene {
    @AfterEach
    void removeEach() {
        remove();
    }

    @ParameterizedTest
    @ValueSource(strings = {"iptables", "ebpf"})
    void oneNodeAnswersForEachAddressAndTheStatusSaysWhich(String backend) {
        start("--services=true", "--policy-backend=" + backend);

        assertOneAnswers();
    }
}
