package dev.ikat.agent.firewall;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.netlink.netfilter.BaseChain;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import dev.ikat.netlink.netfilter.ChainRule;
import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.netfilter.RuleCondition;
import dev.ikat.netlink.netfilter.TableFamily;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class FirewallSurveyTest {
    private static final Arrivals PORT = new Arrivals(OptionalInt.of(8472), List.of(), List.of(), List.of());

    private static BaseChain chain(String table, String name, Hook hook, boolean dropping) {
        return new BaseChain(TableFamily.INET, table, name, hook, "filter", 0, dropping);
    }

    private static ChainRule rule(String chain, Effect effect, String target) {
        return new ChainRule(chain, List.of(), effect, target);
    }

    private static FirewallSurvey survey(Arrivals port, BaseChain chain, ChainRule... rules) {
        return FirewallSurvey.of(List.of(chain), (family, table) -> List.of(rules), port);
    }

    @Test
    void hostWithoutRulesIsDecided() {
        FirewallSurvey survey = FirewallSurvey.of(List.of(), (family, table) -> List.of(), PORT);
        assertThat(survey).isEqualTo(FirewallSurvey.NOTHING);
    }

    @Test
    void droppingPolicyIsNamedWithTheRulesToAdd() {
        FirewallSurvey survey = survey(PORT, chain("filter", "fwd", Hook.FORWARD, true));
        assertThat(survey.undecided()).isTrue();
        assertThat(survey.obstacles()).singleElement().satisfies(obstacle -> {
            assertThat(obstacle.what()).contains("'inet filter fwd'");
            assertThat(obstacle.remedy())
                    .contains("nft insert rule inet filter fwd iifname \"ik*\" accept")
                    .contains("nft insert rule inet filter fwd oifname \"ik*\" accept");
        });
    }

    @Test
    void inputMattersToTunnelsOnly() {
        BaseChain input = chain("filter", "in", Hook.INPUT, true);
        assertThat(survey(Arrivals.NONE, input).obstacles()).isEmpty();
        assertThat(survey(PORT, input).obstacles())
                .singleElement()
                .satisfies(obstacle -> assertThat(obstacle.remedy())
                        .startsWith("nft insert rule inet filter in udp dport 8472 accept"));
    }

    @Test
    void lastRuleThatRejectsCountsThroughChains() {
        BaseChain open = chain("t", "fwd", Hook.FORWARD, false);
        assertThat(survey(
                                PORT,
                                open,
                                new ChainRule("fwd", List.of(RuleCondition.UNREADABLE), Effect.ACCEPT, ""),
                                rule("fwd", Effect.JUMP, "rest"),
                                rule("rest", Effect.NONE, ""),
                                rule("rest", Effect.REFUSE, ""))
                        .obstacles())
                .hasSize(1);
        assertThat(survey(
                                PORT,
                                open,
                                rule("fwd", Effect.JUMP, "rest"),
                                rule("rest", Effect.RETURN, ""),
                                rule("rest", Effect.REFUSE, ""))
                        .obstacles())
                .isEmpty();
        assertThat(survey(
                                PORT,
                                chain("t", "fwd", Hook.FORWARD, true),
                                rule("fwd", Effect.GOTO, "rest"),
                                rule("rest", Effect.ACCEPT, ""))
                        .obstacles())
                .isEmpty();
        assertThat(survey(PORT, open, rule("fwd", Effect.JUMP, "fwd")).obstacles())
                .isEmpty();
    }

    @Test
    void firewalldHasCommandsOfItsOwn() {
        FirewallSurvey survey = survey(
                PORT,
                chain("firewalld", "filter_FORWARD", Hook.FORWARD, false),
                rule("filter_FORWARD", Effect.REFUSE, ""));
        assertThat(survey.obstacles())
                .singleElement()
                .satisfies(obstacle -> assertThat(obstacle.remedy())
                        .isEqualTo("firewall-cmd --permanent --zone=trusted --add-interface=ik+"
                                + " && firewall-cmd --permanent --new-policy=ikat"
                                + " && firewall-cmd --permanent --policy=ikat --add-ingress-zone=ANY"
                                + " && firewall-cmd --permanent --policy=ikat --add-egress-zone=trusted"
                                + " && firewall-cmd --permanent --policy=ikat --set-target=ACCEPT"
                                + " && firewall-cmd --permanent --add-port=8472/udp && firewall-cmd --reload"));
    }

    @Test
    void chainsOfIptablesAndIkatAreNoObstacles() {
        BaseChain iptables = new BaseChain(TableFamily.IPV4, "filter", "FORWARD", Hook.FORWARD, "filter", 0, true);
        assertThat(survey(PORT, iptables).obstacles()).isEmpty();
        assertThat(survey(PORT, iptables).undecided()).isTrue();
        assertThat(survey(PORT, iptables))
                .isNotEqualTo(survey(PORT, iptables, rule("FORWARD", Effect.JUMP, "IKAT-ACCEPT-FORWARD")));
        BaseChain lax = new BaseChain(TableFamily.IPV4, "filter", "FORWARD", Hook.FORWARD, "filter", 0, false);
        assertThat(survey(PORT, lax, rule("FORWARD", Effect.JUMP, "IKAT-FORWARD"))
                        .undecided())
                .isFalse();
        assertThat(survey(PORT, lax, rule("FORWARD", Effect.JUMP, "DOCKER-USER"))
                        .undecided())
                .isTrue();
        assertThat(survey(PORT, chain("ikat", "guard-forward", Hook.FORWARD, true)))
                .isEqualTo(FirewallSurvey.NOTHING);
    }
}
