package dev.ikat.netlink.route;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import java.util.Optional;

/**
 * A policy routing rule: which packets are looked up in which table.
 *
 * @param family the address family that it is for
 * @param priority its position among the rules, unsigned, the lowest first
 * @param source the block that contains the source address
 * @param destination the block that contains the destination address
 * @param inputInterface the link that the packet arrived on; {@code lo} for what the host itself sends
 * @param outputInterface the link that the sending socket is bound to
 * @param mark the firewall mark, under {@code markMask}
 * @param markMask which bits of the mark count; -1 for all
 * @param invert whether it matches all packets except these
 * @param action what it does
 * @param table the table to look into
 * @param protocol who created it; see {@link RouteProtocol}
 */
public record Rule(
        IpFamily family,
        int priority,
        Optional<Cidr> source,
        Optional<Cidr> destination,
        Optional<InterfaceName> inputInterface,
        Optional<InterfaceName> outputInterface,
        Optional<Integer> mark,
        int markMask,
        boolean invert,
        RuleAction action,
        int table,
        int protocol) {

    /** A rule that looks every packet up in a table, with protocol {@link RouteProtocol#IKAT}. */
    public static Rule lookup(IpFamily family, int priority, int table) {
        return new Rule(
                family,
                priority,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                -1,
                false,
                RuleAction.LOOKUP,
                table,
                RouteProtocol.IKAT);
    }

    /** The same for packets from this block. */
    public Rule from(Cidr block) {
        return new Rule(
                family,
                priority,
                Optional.of(block),
                destination,
                inputInterface,
                outputInterface,
                mark,
                markMask,
                invert,
                action,
                table,
                protocol);
    }

    /** The same for packets to this block. */
    public Rule to(Cidr block) {
        return new Rule(
                family,
                priority,
                source,
                Optional.of(block),
                inputInterface,
                outputInterface,
                mark,
                markMask,
                invert,
                action,
                table,
                protocol);
    }

    /** The same for packets that arrived on this link. */
    public Rule input(InterfaceName name) {
        return new Rule(
                family,
                priority,
                source,
                destination,
                Optional.of(name),
                outputInterface,
                mark,
                markMask,
                invert,
                action,
                table,
                protocol);
    }

    /** The same for packets with this mark under this mask. */
    public Rule mark(int value, int mask) {
        return new Rule(
                family,
                priority,
                source,
                destination,
                inputInterface,
                outputInterface,
                Optional.of(value),
                mask,
                invert,
                action,
                table,
                protocol);
    }
}
