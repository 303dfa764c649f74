package dev.ikat.netlink.netfilter;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram({"nft", "iptables-nft"})
class NftablesRulesetTest {
    private final TestNamespace host = TestNamespace.create();

    @SuppressWarnings("NullAway.Init")
    private NftablesRuleset ruleset;

    @BeforeEach
    void open() {
        try (NetworkNamespace namespace = NetworkNamespace.open(host.path())) {
            ruleset = namespace.call(NftablesRuleset::open);
        }
    }

    @AfterEach
    void close() {
        ruleset.close();
        host.close();
    }

    private static ChainRule rule(String chain, Effect effect) {
        return new ChainRule(chain, effect, "");
    }

    @Test
    void chainsAtHooksAreReadWithTheirPolicies() {
        assertThat(ruleset.baseChains()).isEmpty();
        host.exec("nft", """
                add table inet strict
                add chain inet strict through { type filter hook forward priority 5; policy drop; }
                add chain inet strict other
                add table ip lax
                add chain ip lax arriving { type filter hook input priority -10; }
                add table arp quiet
                add chain arp quiet arriving { type filter hook input priority 0; policy drop; }
                """);
        assertThat(ruleset.baseChains())
                .containsExactlyInAnyOrder(
                        new BaseChain(TableFamily.INET, "strict", "through", Hook.FORWARD, "filter", 5, true),
                        new BaseChain(TableFamily.IPV4, "lax", "arriving", Hook.INPUT, "filter", -10, false));
        assertThat(ruleset.baseChains().getFirst().path()).isIn("inet strict through", "ip lax arriving");
    }

    @Test
    void rulesSayWhatBecomesOfEveryPacket() {
        host.exec("nft", """
                add table inet t
                add chain inet t c
                add chain inet t d
                add rule inet t c counter log drop
                add rule inet t c reject with icmpx admin-prohibited
                add rule inet t c tcp dport 22 drop
                add rule inet t c counter
                add rule inet t c accept
                add rule inet t c return
                add rule inet t c jump d
                add rule inet t c goto d
                """);
        assertThat(ruleset.rules(TableFamily.INET, "t"))
                .containsExactly(
                        rule("c", Effect.REFUSE),
                        rule("c", Effect.REFUSE),
                        rule("c", Effect.CONDITIONAL),
                        rule("c", Effect.NONE),
                        rule("c", Effect.ACCEPT),
                        rule("c", Effect.RETURN),
                        new ChainRule("c", Effect.JUMP, "d"),
                        new ChainRule("c", Effect.GOTO, "d"));
        assertThat(ruleset.rules(TableFamily.INET, "none")).isEmpty();
    }

    @Test
    void rulesOfIptablesAreReadToo() {
        host.exec("iptables-nft", "-P", "FORWARD", "DROP");
        host.exec("iptables-nft", "-A", "FORWARD", "-m", "comment", "--comment", "all of it", "-j", "REJECT");
        host.exec("iptables-nft", "-A", "FORWARD", "-m", "mark", "--mark", "1", "-j", "DROP");
        host.exec("iptables-nft", "-A", "FORWARD", "-j", "LOG");
        assertThat(ruleset.baseChains())
                .contains(new BaseChain(TableFamily.IPV4, "filter", "FORWARD", Hook.FORWARD, "filter", 0, true));
        assertThat(ruleset.rules(TableFamily.IPV4, "filter"))
                .containsExactly(
                        rule("FORWARD", Effect.REFUSE),
                        rule("FORWARD", Effect.CONDITIONAL),
                        rule("FORWARD", Effect.NONE));
    }

    @Test
    void eachChangeHasAGeneration() {
        int before = ruleset.generation();
        assertThat(ruleset.generation()).isEqualTo(before);
        host.exec("nft", "add table inet t");
        assertThat(ruleset.generation()).isNotEqualTo(before);
    }

    @Test
    void newNamespaceExistsAsLongAsItIsOpen() {
        try (NetworkNamespace created = NetworkNamespace.create();
                NetworkNamespace here = NetworkNamespace.current()) {
            assertThat(created.inode()).isNotEqualTo(here.inode());
            try (NftablesRuleset inside = created.call(NftablesRuleset::open)) {
                assertThat(inside.baseChains()).isEmpty();
            }
        }
    }
}
