package dev.ikat.agent.firewall;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.ExpectedPacket;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Chains at the input hook as hosts have them, and whether it can be said what they do with tunnels from other nodes.
 */
@RequiresRoot
@RequiresProgram("nft")
class HostRulesetTest {
    private static final String INPUT = "chain input { type filter hook input priority 0; policy drop; ";

    private final TestNamespace host = TestNamespace.create();

    @AfterEach
    void close() {
        host.close();
    }

    private static List<ExpectedPacket> packets(String source, String destination) {
        return Arrivals.both(tracked -> ExpectedPacket.udp(
                IpAddress.parse(source), IpAddress.parse(destination), 8472, new InterfaceName("eth0"), 2, tracked));
    }

    private List<Obstacle> obstacles(String ruleset) {
        host.exec("nft", ruleset);
        Arrivals arrivals = new Arrivals(
                OptionalInt.of(8472),
                List.of(packets("192.0.2.12", "192.0.2.11"), packets("192.0.2.13", "192.0.2.11")),
                List.of(Arrivals.both(tracked -> ExpectedPacket.toPod(
                        IpAddress.parse("10.244.2.1"),
                        IpAddress.parse("10.244.1.1"),
                        new InterfaceName("eth0"),
                        2,
                        tracked))),
                List.of(Arrivals.both(tracked -> ExpectedPacket.betweenPods(
                        IpAddress.parse("10.244.1.1"), IpAddress.parse("10.244.1.2"), tracked))));
        try (NetworkNamespace namespace = NetworkNamespace.open(host.path());
                HostRuleset opened = namespace.call(HostRuleset::open)) {
            return opened.survey(arrivals).obstacles();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "ct state established,related accept; iif lo accept; tcp dport 22 accept;",
                "ct state vmap { established : accept, related : accept, invalid : drop }; iifname lo accept;"
                        + " meta l4proto ipv6-icmp accept; ip protocol icmp accept; tcp dport { 22, 80, 443 } accept;",
                "ct state invalid drop; udp dport { 53, 123 } accept; udp dport 8473 accept; counter; log;",
                "ip saddr 10.0.0.0/8 accept; ip6 saddr fe80::/10 accept; iifname \"ik*\" accept;",
                "ip saddr 192.0.2.12 accept;",
                "tcp dport 22 accept; reject;",
                "udp dport 8472 drop; accept;",
            })
    void chainThatRefusesTunnelsForCertainIsNamed(String rules) {
        assertThat(obstacles("table inet filter { " + INPUT + rules + "\n}\n}"))
                .singleElement()
                .returns(true, Obstacle::certain)
                .satisfies(
                        obstacle -> assertThat(obstacle.what())
                                .isEqualTo(
                                        "the nftables chain 'inet filter input' refuses packets of other nodes to UDP port 8472"))
                .satisfies(obstacle -> assertThat(obstacle.remedy())
                        .startsWith("nft insert rule inet filter input udp dport 8472 accept"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "udp dport 8472 accept;",
                "tcp dport 22 accept; udp dport { 4789, 8472 } accept;",
                "ip saddr 192.0.2.0/24 accept;",
                "iifname eth0 accept;",
                "ct state new udp dport 8000-9000 accept; ct state untracked accept;",
                "jump more;\n}\nchain more { udp dport vmap { 53 : drop, 8472 : accept };",
                "tcp dport 22 accept; accept;",
            })
    void chainThatLetsTunnelsInIsNoObstacle(String rules) {
        assertThat(obstacles("table inet filter { " + INPUT + rules + "\n}\n}")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "udp dport @ports accept;\n}\nset ports { type inet_service; elements = { 8472 };",
                "meta mark 0x1 accept;",
                "iifname eth1 accept;",
                "fib daddr type local accept;",
                "udp dport 8472 limit rate 1000/second accept;",
                "udp dport 8472 ct state new accept;",
                "ip saddr . udp dport { 192.0.2.12 . 8472 } accept;",
                "numgen random mod 2 vmap { 0 : accept, 1 : drop };",
            })
    void chainOfWhichThatIsUnknownIsLeftToTheSelfTest(String rules) {
        assertThat(obstacles("table inet filter { " + INPUT + rules + "\n}\n}"))
                .singleElement()
                .returns(false, Obstacle::certain);
    }

    /** /usr/share/doc/nftables/examples/workstation.nft, and the one that a new host has. */
    @Test
    void debiansExamplesAreUnderstood() {
        assertThat(obstacles("""
                table inet filter {
                    chain input { type filter hook input priority filter; }
                    chain forward { type filter hook forward priority filter; }
                    chain output { type filter hook output priority filter; }
                }
                """)).isEmpty();
        host.exec("nft", "flush ruleset");
        assertThat(obstacles("""
                table inet filter {
                    chain input {
                        type filter hook input priority 0;
                        iif lo accept
                        ct state established,related accept
                        ip6 nexthdr icmpv6 icmpv6 type { nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
                        counter drop
                    }
                }
                """)).singleElement().returns(true, Obstacle::certain);
    }

    /** As firewalld 1.3 makes it of the zone public for all links. */
    @Test
    void firewalldIsNamedUntilItsPortIsOpen() {
        String ruleset = """
                table inet firewalld {
                    chain filter_INPUT {
                        type filter hook input priority filter + 10; policy accept;
                        ct state { established, related } accept
                        ct status dnat accept
                        iifname "lo" accept
                        ct state invalid drop
                        jump filter_INPUT_ZONES
                        reject with icmpx admin-prohibited
                    }
                    chain filter_INPUT_ZONES { goto filter_IN_public; }
                    chain filter_IN_public { jump filter_IN_public_allow; meta l4proto { icmp, ipv6-icmp } accept; }
                    chain filter_IN_public_allow {
                        tcp dport 22 accept
                        ip6 daddr fe80::/64 udp dport 546 accept
                        %s
                    }
                }
                """;
        assertThat(obstacles(ruleset.formatted("")))
                .singleElement()
                .returns(true, Obstacle::certain)
                .satisfies(obstacle -> assertThat(obstacle.remedy()).contains("--add-port=8472/udp"));
        host.exec("nft", "flush ruleset");
        assertThat(obstacles(ruleset.formatted("udp dport 8472 accept"))).isEmpty();
    }

    private static final String FORWARD = "chain forward { type filter hook forward priority 0; policy drop; ";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ct state established,related accept; iifname \"ik*\" accept;",
                "ct state vmap { established : accept, related : accept, invalid : drop }; iifname { \"lo\", \"ik*\" } accept;",
                "iifname \"ik*\" oifname \"ik*\" accept; ip saddr 192.0.2.0/24 accept;",
                "oifname \"docker0\" accept; iifname \"ik*\" accept;",
            })
    void chainThatRefusesConnectionsFromOtherNodesPodsIsNamed(String rules) {
        assertThat(obstacles("table inet filter { " + FORWARD + rules + "\n}\n}"))
                .singleElement()
                .returns(true, Obstacle::certain)
                .satisfies(obstacle -> assertThat(obstacle.remedy())
                        .contains("nft insert rule inet filter forward oifname \"ik*\" accept"));
        host.exec("nft", "flush ruleset");
        assertThat(obstacles("table inet filter { chain forward { type filter hook forward priority 0; "
                        + "oifname \"ik*\" ip saddr 10.244.2.0/24 drop\n}\n}"))
                .singleElement()
                .returns(true, Obstacle::certain)
                .satisfies(obstacle -> assertThat(obstacle.what())
                        .isEqualTo("the nftables chain 'inet filter forward' refuses forwarded packets"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "iifname \"ik*\" accept; oifname \"ik*\" accept;",
                "iifname \"ik*\" accept; ip daddr 10.244.0.0/16 accept;",
                "iifname \"ik*\" accept; tcp dport 80 accept;",
                "iifname \"ik*\" accept; oifname \"ik0123456789a\" accept;",
                "iifname \"ik*\" accept; iifname eth1 accept;",
            })
    void chainThatMayLetSomeInIsLeftToTheSelfTest(String rules) {
        assertThat(obstacles("table inet filter { " + FORWARD + rules + "\n}\n}"))
                .singleElement()
                .returns(false, Obstacle::certain);
    }

    @Test
    void tableOfTheOtherFamilyDoesNotMatter() {
        assertThat(obstacles("table ip6 filter { " + INPUT + "\n}\n}")).isEmpty();
    }
}
