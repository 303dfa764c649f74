package dev.ikat.agent.firewall;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.dataplane.FilterTable;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.ExpectedPacket;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules of iptables as hosts have them, and whether it can be said what they do with packets that Ikat needs. */
@RequiresRoot
@RequiresProgram({"iptables-legacy", "iptables-nft"})
class IptablesRulesTest {
    private static final Arrivals ARRIVALS = new Arrivals(
            OptionalInt.of(8472),
            List.of(Arrivals.both(tracked -> ExpectedPacket.udp(
                    IpAddress.parse("192.0.2.12"),
                    IpAddress.parse("192.0.2.11"),
                    8472,
                    new InterfaceName("eth0"),
                    2,
                    tracked))),
            List.of(Arrivals.both(tracked -> ExpectedPacket.toPod(
                    IpAddress.parse("10.244.2.1"),
                    IpAddress.parse("10.244.1.1"),
                    new InterfaceName("eth0"),
                    2,
                    tracked))),
            List.of(Arrivals.both(tracked -> ExpectedPacket.betweenPods(
                    IpAddress.parse("10.244.1.1"), IpAddress.parse("10.244.1.255"), tracked))));

    private final TestNamespace host = TestNamespace.create();

    @AfterEach
    void close() {
        host.close();
    }

    /** @param rules of both variants of iptables, with semicolons between; a rule without a chain's name is INPUT's */
    private List<Obstacle> obstacles(String rules) {
        List<FilterTable> tables = new ArrayList<>();
        for (String program : List.of("iptables-legacy", "iptables-nft")) {
            for (String rule : rules.split("; *", -1)) {
                List<String> words = new ArrayList<>(List.of(program));
                words.addAll(List.of((rule.matches("-[NPAI] .*") ? rule : "-A INPUT " + rule).split(" +", -1)));
                host.exec(words.toArray(String[]::new));
            }
            tables.add(new FilterTable(program, IpFamily.IPV4, host.exec(program + "-save", "-t", "filter")));
        }
        List<Obstacle> obstacles = IptablesRules.obstacles(tables, ARRIVALS);
        int half = obstacles.size() / 2;
        assertThat(obstacles.subList(half, obstacles.size()))
                .as("of the other variant")
                .usingRecursiveFieldByFieldElementComparatorIgnoringFields("what", "remedy")
                .containsExactlyElementsOf(obstacles.subList(0, half));
        return obstacles.subList(0, half);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-p udp --dport 8472 -j DROP",
                "-p udp -m multiport --dports 4789,8000:9000 -j REJECT",
                "-s 192.0.2.0/24 -j DROP",
                "! -s 10.0.0.0/8 -j DROP",
                "! -i lo -m conntrack --ctstate NEW,UNTRACKED -j DROP",
                "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; -i lo -j ACCEPT; -p tcp -m tcp --dport 22 -j ACCEPT;"
                        + " -j REJECT --reject-with icmp-host-prohibited",
                "-N strict; -A strict -p udp -m comment --comment -j -j DROP; -j LOG; -j strict",
                "-N strict; -A strict -s 10.0.0.1 -j RETURN; -A strict -j DROP; -g strict",
                "-p udp -m mark --mark 0x1 -j DROP; -p udp -m udp --sport 1:65535 -j DROP; -d 192.0.2.11/32 -j DROP",
            })
    void ruleThatRefusesTunnelsForCertainIsNamed(String rules) {
        assertThat(obstacles(rules)).singleElement().returns(true, Obstacle::certain);
    }

    @Test
    void itIsNamedAsTheProgramSaysItWithTheRuleToAdd() {
        assertThat(obstacles("-p tcp --dport 22 -j ACCEPT; -p udp --dport 8472 -j DROP"))
                .singleElement()
                .satisfies(obstacle -> assertThat(obstacle.what())
                        .isEqualTo("the rule '-A INPUT -p udp -m udp --dport 8472 -j DROP' of iptables-legacy"
                                + " refuses packets of other nodes to UDP port 8472"))
                .satisfies(obstacle -> assertThat(obstacle.remedy())
                        .startsWith("iptables-legacy -I INPUT -p udp --dport 8472 -j ACCEPT;"));
        host.exec("iptables-legacy", "-I", "INPUT", "-p", "udp", "--dport", "8472", "-j", "ACCEPT");
        host.exec("iptables-nft", "-I", "INPUT", "-p", "udp", "--dport", "8472", "-j", "ACCEPT");
        assertThat(obstacles("-j DROP")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-p udp --dport 8473 -j DROP",
                "-p tcp -j DROP",
                "-i eth1 -j DROP",
                "-p udp -m mark --mark 0x1 -j DROP",
                "-m mark --mark 0x1 -j ACCEPT; -p udp -j DROP",
                "-p udp -m conntrack --ctstate ESTABLISHED -j DROP",
                "-p udp -m hashlimit --hashlimit-above 5/sec --hashlimit-name x -j DROP",
                "-m conntrack --ctstate DNAT -j DROP",
                "-s 10.0.0.0/255.0.255.0 -j DROP",
                "-N strict; -A strict -m mark --mark 0x1 -j RETURN; -A strict -j DROP; -j strict",
                "-A FORWARD -p tcp -j DROP",
                "-A FORWARD -i docker0 -j DROP",
            })
    void ruleThatMayLetThemPassIsLeftToTheSelfTest(String rules) {
        assertThat(obstacles(rules)).isEmpty();
    }

    @Test
    void rulesThatRefuseWhatIsForwardedAreNamed() {
        assertThat(obstacles("-A FORWARD -s 10.244.2.0/24 -o ik+ -j DROP"))
                .singleElement()
                .returns(true, Obstacle::certain)
                .satisfies(obstacle -> assertThat(obstacle.remedy())
                        .startsWith("iptables-legacy -I FORWARD -i ik+ -j ACCEPT;"
                                + " iptables-legacy -I FORWARD -o ik+ -j ACCEPT"));
        host.exec("iptables-legacy", "-F", "FORWARD");
        host.exec("iptables-nft", "-F", "FORWARD");
        assertThat(obstacles("-A FORWARD -i ik+ -p udp -j DROP"))
                .singleElement()
                .returns(false, Obstacle::certain);
    }
}
