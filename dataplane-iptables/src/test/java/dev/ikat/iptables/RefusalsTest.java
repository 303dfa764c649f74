package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Tables as {@code iptables-save} prints them, from hosts with Docker, ufw, and rules made by hand. */
class RefusalsTest {
    private static final String OURS = "IKAT-ACCEPT-FORWARD";

    private static Refusals table(String... lines) {
        return Refusals.in("*filter\n" + String.join("\n", lines) + "\nCOMMIT\n");
    }

    private static Refusals forward(String policy, String... rules) {
        return table(
                ":FORWARD " + policy + " [0:0]\n" + ":" + OURS + " - [0:0]\n" + ":custom - [0:0]",
                String.join("\n", List.of(rules)));
    }

    @Test
    void policyOfDockerRefuses() {
        Refusals docker = table(
                ":FORWARD DROP [0:0]",
                ":DOCKER - [0:0]",
                ":DOCKER-USER - [0:0]",
                "-A FORWARD -j DOCKER-USER",
                "-A FORWARD -o docker0 -j DOCKER",
                "-A DOCKER ! -i docker0 -o docker0 -j DROP",
                "-A DOCKER-USER -j RETURN");
        assertThat(docker.refuses("FORWARD")).isTrue();
        assertThat(docker.admits("FORWARD", OURS)).isFalse();
        assertThat(docker.place("FORWARD", OURS)).isEqualTo(2);
    }

    @Test
    void acceptingPolicyRefusesNothing() {
        Refusals open = forward("ACCEPT", "-A FORWARD -s 192.0.2.0/24 -j DROP");
        assertThat(open.refuses("FORWARD")).isFalse();
        assertThat(open.admits("FORWARD", OURS)).isTrue();
    }

    @Test
    void rulesThatRefuseInParticularStayBefore() {
        Refusals host = forward("DROP", "-A FORWARD -s 192.0.2.0/24 -j DROP", "-A FORWARD -j " + OURS);
        assertThat(host.admits("FORWARD", OURS)).isTrue();
        assertThat(host.place("FORWARD", OURS)).isEqualTo(1);
    }

    @Test
    void lastRuleThatRejectsEverythingRefusesToo() {
        Refusals host = forward(
                "ACCEPT",
                "-A FORWARD -i virbr0 -j ACCEPT",
                "-A FORWARD -m comment --comment \"the \\\"rest\\\" -j ACCEPT\" -j REJECT --reject-with"
                        + " icmp-host-prohibited",
                "-A FORWARD -j " + OURS);
        assertThat(host.refuses("FORWARD")).isTrue();
        assertThat(host.admits("FORWARD", OURS)).isFalse();
        assertThat(host.place("FORWARD", OURS)).isEqualTo(1);
    }

    @Test
    void chainThatRejectsEverythingRefusesAsUfwDoes() {
        Refusals ufw = table(
                ":FORWARD ACCEPT [0:0]",
                ":ufw-before-forward - [0:0]",
                ":ufw-reject-forward - [0:0]",
                "-A FORWARD -j ufw-before-forward",
                "-A FORWARD -j ufw-reject-forward",
                "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable");
        assertThat(ufw.refuses("FORWARD")).isTrue();
        assertThat(ufw.place("FORWARD", OURS)).isEqualTo(1);
    }

    @Test
    void whatReturnsOrGoesRoundRefusesNothing() {
        assertThat(forward("ACCEPT", "-A FORWARD -j custom", "-A custom -j RETURN", "-A custom -j DROP")
                        .refuses("FORWARD"))
                .isFalse();
        assertThat(forward("ACCEPT", "-A FORWARD -j custom", "-A custom -j custom")
                        .refuses("FORWARD"))
                .isFalse();
        assertThat(forward("ACCEPT", "-A FORWARD -g custom", "-A FORWARD -j DROP")
                        .refuses("FORWARD"))
                .isFalse();
        assertThat(forward("ACCEPT", "-A FORWARD -j ACCEPT", "-A FORWARD -j DROP")
                        .refuses("FORWARD"))
                .isFalse();
    }

    @Test
    void secondJumpIsNotInPlace() {
        assertThat(forward("DROP", "-A FORWARD -j " + OURS, "-A FORWARD -j " + OURS)
                        .admits("FORWARD", OURS))
                .isFalse();
    }
}
