package dev.ikat.agent.firewall;

import dev.ikat.netlink.netfilter.BaseChain.Hook;

/**
 * Something on the host that refuses packets which no rule of its own accepts, and that no other rule can overrule.
 *
 * @param hook where it is: a packet between two pods of a node never passes {@link Hook#INPUT}
 * @param what what it is, and what it does
 * @param remedy the command that lets pods' packets pass
 * @param certain whether it refuses packets of other nodes whatever else its conditions are about: those of their
 *     tunnels, or of their pods without a tunnel; otherwise it refuses what none of its conditions is about
 */
public record Obstacle(Hook hook, String what, String remedy, boolean certain) {}
