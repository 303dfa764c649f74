/**
 * Whether the host lets pods' packets pass. Ikat's own rules accept what it lets pass wherever the host's iptables
 * would refuse it; what nobody's rule can overrule, such as a chain of nf_tables that drops, is found by looking at the
 * ruleset and by sending packets between two pods made for that purpose, and is named with the command that mends it.
 * Neighbours: {@code dev.ikat.dataplane} adds the rules, {@code dev.ikat.netlink.netfilter} reads the ruleset.
 */
@NullMarked
package dev.ikat.agent.firewall;

import org.jspecify.annotations.NullMarked;
