package dev.ikat.agent.firewall;

/**
 * Something on the host that refuses packets which no rule of its own accepts, and that no other rule can overrule.
 *
 * @param what what it is, and what it does
 * @param remedy the command that lets pods' packets pass
 */
public record Obstacle(String what, String remedy) {}
