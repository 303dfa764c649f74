package dev.ikat.agent.firewall;

import dev.ikat.netlink.netfilter.BaseChain.Hook;

/**
 * Something on the host that refuses packets which no rule of its own accepts, and that no other rule can overrule.
 *
 * @param hook where it is: a packet between two pods of a node never passes {@link Hook#INPUT}
 * @param what what it is, and what it does
 * @param remedy the command that lets pods' packets pass
 */
public record Obstacle(Hook hook, String what, String remedy) {}
