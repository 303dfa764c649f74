package dev.ikat.netlink.netfilter;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import dev.ikat.netlink.netfilter.ChainRule.Answer;
import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
        return rule(chain, effect, "");
    }

    private static ChainRule rule(String chain, Effect effect, String target) {
        return new ChainRule(chain, List.of(), effect, target);
    }

    /** As a rule of which it is unknown whether it is about a packet of that nothing is known. */
    private List<ChainRule> rules(TableFamily family, String table) {
        return ruleset.rules(family, table).stream()
                .map(rule -> new ChainRule(
                        rule.chain(),
                        rule.conditions().isEmpty() ? List.of() : List.of(RuleCondition.UNREADABLE),
                        rule.effect(),
                        rule.target()))
                .toList();
    }

    private static ChainRule conditional(String chain, Effect effect) {
        return new ChainRule(chain, List.of(RuleCondition.UNREADABLE), effect, "");
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
        assertThat(rules(TableFamily.INET, "t"))
                .containsExactly(
                        rule("c", Effect.REFUSE),
                        rule("c", Effect.REFUSE),
                        conditional("c", Effect.REFUSE),
                        rule("c", Effect.NONE),
                        rule("c", Effect.ACCEPT),
                        rule("c", Effect.RETURN),
                        rule("c", Effect.JUMP, "d"),
                        rule("c", Effect.GOTO, "d"));
        assertThat(ruleset.rules(TableFamily.INET, "none")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            udp dport 8472                                      | YES
            udp dport 8473                                      | NO
            tcp dport 8472                                      | NO
            udp dport { 53, 8472 }                              | YES
            udp dport { 53, 123 }                               | NO
            udp dport 8000-9000                                 | YES
            udp dport > 8472                                    | NO
            udp dport < 8473                                    | YES
            udp dport { 1-100, 8000-9000 }                      | YES
            udp dport { 1-100, 200-8471, 8473-65535 }           | NO
            udp dport != { 8000-9000 }                          | NO
            udp dport != 53                                     | YES
            udp dport @ports                                    | UNKNOWN
            udp sport 8472                                      | UNKNOWN
            th dport 8472                                       | YES
            meta l4proto { tcp, udp } th dport 8472             | YES
            meta l4proto { tcp, icmp }                          | NO
            ip protocol icmp                                    | NO
            meta l4proto ipv6-icmp                              | NO
            meta nfproto ipv6                                   | NO
            ip6 saddr fe80::/10                                 | NO
            ip saddr 192.0.2.0/24                               | YES
            ip saddr 192.0.2.12 ip daddr 192.0.2.11             | YES
            ip saddr 192.0.0.0/12                               | YES
            ip saddr { 10.0.0.0/8, 192.0.2.12 }                 | YES
            ip saddr != 192.0.2.12                              | NO
            ip saddr . udp dport { 192.0.2.12 . 8472 }          | UNKNOWN
            ip ttl 64                                           | UNKNOWN
            ct state established,related                        | NO
            ct state { established, related }                   | NO
            ct state invalid                                    | NO
            ct state new                                        | YES
            ct status dnat                                      | NO
            ct mark 1                                           | UNKNOWN
            iifname "lo"                                        | NO
            iif "lo"                                            | NO
            iifname != "lo"                                     | YES
            iifname "eth0"                                      | YES
            iifname "eth1"                                      | UNKNOWN
            iifname "eth*"                                      | YES
            iifname "ik*"                                       | NO
            iifname { "lo", "ik*" }                             | NO
            iifname { "lo", "eth1" }                            | UNKNOWN
            meta mark 0x1                                       | UNKNOWN
            meta mark set 0x1 udp dport 8472                    | YES
            fib daddr type local                                | UNKNOWN
            limit rate 10/second                                | UNKNOWN
            meta pkttype { broadcast, multicast }               | NO
            """)
    void conditionsOfARuleSayWhetherItIsAboutAPacket(String conditions, Answer answer) {
        host.exec("nft", """
                add table inet t
                add set inet t ports { type inet_service; elements = { 8472 }; }
                add chain inet t c
                add rule inet t c %s drop
                """.formatted(conditions));
        ExpectedPacket packet = ExpectedPacket.udp(
                IpAddress.parse("192.0.2.12"), IpAddress.parse("192.0.2.11"), 8472, new InterfaceName("eth0"), 2, true);
        assertThat(ruleset.rules(TableFamily.INET, "t"))
                .singleElement()
                .returns(answer, rule -> rule.isAbout(packet))
                .returns(Effect.REFUSE, ChainRule::effect);
    }

    @Test
    void mapOfVerdictsIsARuleForEachElement() {
        host.exec("nft", """
                add table inet t
                add chain inet t d
                add chain inet t c
                add rule inet t c udp dport vmap { 53: accept, 8000-9000: jump d, 9001-65535: drop }
                """);
        assertThat(rules(TableFamily.INET, "t"))
                .containsExactlyInAnyOrder(
                        conditional("c", Effect.ACCEPT),
                        new ChainRule("c", List.of(RuleCondition.UNREADABLE), Effect.JUMP, "d"),
                        conditional("c", Effect.REFUSE));
    }

    @Test
    void rulesOfIptablesAreReadToo() {
        host.exec("iptables-nft", "-P", "FORWARD", "DROP");
        host.exec("iptables-nft", "-A", "FORWARD", "-m", "comment", "--comment", "all of it", "-j", "REJECT");
        host.exec("iptables-nft", "-A", "FORWARD", "-m", "mark", "--mark", "1", "-j", "DROP");
        host.exec("iptables-nft", "-A", "FORWARD", "-j", "LOG");
        assertThat(ruleset.baseChains())
                .contains(new BaseChain(TableFamily.IPV4, "filter", "FORWARD", Hook.FORWARD, "filter", 0, true));
        assertThat(rules(TableFamily.IPV4, "filter"))
                .containsExactly(
                        rule("FORWARD", Effect.REFUSE),
                        conditional("FORWARD", Effect.REFUSE),
                        rule("FORWARD", Effect.NONE));
    }

    @Test
    void tablesAndChainsAreFoundByTheirNames() {
        host.exec("nft", "add table ip6 t");
        host.exec("nft", "add chain ip6 t c");
        assertThat(ruleset.hasTable(TableFamily.IPV6, "t")).isTrue();
        assertThat(ruleset.hasTable(TableFamily.IPV4, "t")).isFalse();
        assertThat(ruleset.hasChain(TableFamily.IPV6, "t", "c")).isTrue();
        assertThat(ruleset.hasChain(TableFamily.IPV6, "t", "d")).isFalse();
        assertThat(ruleset.hasChain(TableFamily.IPV4, "t", "c")).isFalse();
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
