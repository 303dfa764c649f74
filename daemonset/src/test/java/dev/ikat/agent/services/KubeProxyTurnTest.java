package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.services.KubeProxySigns.Sign;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KubeProxyTurnTest {
    private static final Optional<Sign> RUNS = Optional.of(new Sign("rules", true));
    private static final Optional<Sign> LEFT = Optional.of(new Sign("rules", false));
    private static final Optional<Sign> NONE = Optional.empty();

    private final KubeProxyTurn turn = new KubeProxyTurn();

    private boolean look(Optional<Sign> sign, double seconds) {
        return turn.look(sign, Duration.ofMillis(Math.round(seconds * 1000)).toNanos());
    }

    @Test
    void withoutAKubeProxyItIsIkatsFromTheBeginning() {
        assertThat(look(NONE, 0)).isFalse();
        assertThat(turn.waits()).isFalse();
    }

    @Test
    void oneThatRunsHasItFromTheBeginning() {
        assertThat(look(RUNS, 0)).isTrue();
        assertThat(look(RUNS, 100)).isTrue();
        assertThat(turn.waits()).isFalse();
    }

    @Test
    void oneThatEndsLeavesItAfterAWhile() {
        look(RUNS, 0);

        assertThat(look(LEFT, 1)).isTrue();
        assertThat(turn.waits()).isTrue();
        assertThat(look(LEFT, 5.9)).isTrue();
        assertThat(look(LEFT, 6)).isFalse();
        assertThat(turn.waits()).isFalse();
    }

    @Test
    void oneThatIsReplacedKeepsIt() {
        look(RUNS, 0);
        look(LEFT, 1);
        look(RUNS, 4);

        assertThat(look(LEFT, 7)).isTrue();
        assertThat(look(LEFT, 11.9)).isTrue();
    }

    @Test
    void rulesThatAreGoneServeNobody() {
        look(RUNS, 0);

        assertThat(look(NONE, 1)).isFalse();
    }

    @Test
    void rulesOfAnEarlierKubeProxyAreWaitedForAtTheBeginning() {
        assertThat(look(LEFT, 0)).isTrue();
        assertThat(look(LEFT, 5)).isFalse();
    }

    @Test
    void oneThatComesGetsItWhenItHasHadTimeForItsRules() {
        look(NONE, 0);

        assertThat(look(RUNS, 1)).isFalse();
        assertThat(look(RUNS, 10.9)).isFalse();
        assertThat(look(RUNS, 11)).isTrue();
    }

    @Test
    void oneThatEndsAtOnceDoesNotGetIt() {
        look(NONE, 0);
        look(RUNS, 1);
        look(LEFT, 2);

        assertThat(look(RUNS, 12)).isFalse();
        assertThat(turn.isItsTurn()).isFalse();
    }
}
