package dev.ikat.netlink.route;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import java.util.Optional;
import java.util.function.Consumer;

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
        return new Builder(family, priority, table).build();
    }

    /** The same for packets from this block. */
    public Rule from(Cidr block) {
        return with(rule -> rule.source = Optional.of(block));
    }

    /** The same for packets to this block. */
    public Rule to(Cidr block) {
        return with(rule -> rule.destination = Optional.of(block));
    }

    /** The same for packets that arrived on this link. */
    public Rule input(InterfaceName name) {
        return with(rule -> rule.inputInterface = Optional.of(name));
    }

    /** The same for packets with this mark under this mask. */
    public Rule mark(int value, int mask) {
        return with(rule -> {
            rule.mark = Optional.of(value);
            rule.markMask = mask;
        });
    }

    private Rule with(Consumer<Builder> change) {
        Builder builder = new Builder(this);
        change.accept(builder);
        return builder.build();
    }

    /** A rule in the making: each field by its name, where the constructor tells them apart by their order alone. */
    static final class Builder {
        final IpFamily family;
        final int priority;
        Optional<Cidr> source = Optional.empty();
        Optional<Cidr> destination = Optional.empty();
        Optional<InterfaceName> inputInterface = Optional.empty();
        Optional<InterfaceName> outputInterface = Optional.empty();
        Optional<Integer> mark = Optional.empty();
        int markMask = -1;
        boolean invert;
        RuleAction action = RuleAction.LOOKUP;
        int table;
        int protocol = RouteProtocol.IKAT;

        /** A rule as {@link Rule#lookup} makes it. */
        Builder(IpFamily family, int priority, int table) {
            this.family = family;
            this.priority = priority;
            this.table = table;
        }

        private Builder(Rule rule) {
            this(rule.family, rule.priority, rule.table);
            this.source = rule.source;
            this.destination = rule.destination;
            this.inputInterface = rule.inputInterface;
            this.outputInterface = rule.outputInterface;
            this.mark = rule.mark;
            this.markMask = rule.markMask;
            this.invert = rule.invert;
            this.action = rule.action;
            this.protocol = rule.protocol;
        }

        Rule build() {
            return new Rule(
                    family,
                    priority,
                    source,
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
    }
}
