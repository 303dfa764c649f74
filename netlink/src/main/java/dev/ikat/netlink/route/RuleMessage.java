package dev.ikat.netlink.route;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Rule messages: struct fib_rule_hdr and FRA_* (linux/fib_rules.h). */
public final class RuleMessage {
    static final int RTM_NEWRULE = 32;
    static final int RTM_DELRULE = 33;
    static final int RTM_GETRULE = 34;

    private static final int FRA_DST = 1;
    private static final int FRA_SRC = 2;
    private static final int FRA_IIFNAME = 3;
    private static final int FRA_PRIORITY = 6;
    private static final int FRA_FWMARK = 10;
    private static final int FRA_TABLE = 15;
    private static final int FRA_FWMASK = 16;
    private static final int FRA_OIFNAME = 17;
    private static final int FRA_PROTOCOL = 21;

    private static final int FIB_RULE_INVERT = 2;
    private static final int RT_TABLE_UNSPEC = 0;

    private static final int HEADER = 12;

    private RuleMessage() {}

    static void write(MessageWriter message, Rule rule) {
        message.bodyU8(AddressFamily.of(rule.family()))
                .bodyU8(rule.destination().map(Cidr::prefixLength).orElse(0))
                .bodyU8(rule.source().map(Cidr::prefixLength).orElse(0))
                .bodyU8(0)
                .bodyU8(rule.table() >>> 8 == 0 ? rule.table() : RT_TABLE_UNSPEC)
                .bodyU8(0)
                .bodyU8(0)
                .bodyU8(rule.action().code())
                .bodyU32(rule.invert() ? FIB_RULE_INVERT : 0);
        message.u32(FRA_PRIORITY, rule.priority());
        rule.destination().ifPresent(block -> message.address(FRA_DST, block.network()));
        rule.source().ifPresent(block -> message.address(FRA_SRC, block.network()));
        rule.inputInterface().ifPresent(name -> message.string(FRA_IIFNAME, name.value()));
        rule.outputInterface().ifPresent(name -> message.string(FRA_OIFNAME, name.value()));
        rule.mark().ifPresent(mark -> message.u32(FRA_FWMARK, mark).u32(FRA_FWMASK, rule.markMask()));
        message.u32(FRA_TABLE, rule.table());
        message.u8(FRA_PROTOCOL, rule.protocol());
    }

    static void writeDump(MessageWriter message, IpFamily family) {
        message.bodyU8(AddressFamily.of(family)).bodyU8(0).bodyU16(0).bodyU32(0).bodyU32(0);
    }

    /** Reads RTM_NEWRULE or RTM_DELRULE; empty if the family is not IP. */
    public static Optional<Rule> read(MessageReader message) {
        message.requireBody("fib_rule_hdr", HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        if (family == null) {
            return Optional.empty();
        }
        IpAddress destination = null;
        IpAddress source = null;
        InterfaceName inputInterface = null;
        InterfaceName outputInterface = null;
        int priority = 0;
        Integer mark = null;
        int markMask = -1;
        int table = message.bodyU8(4);
        int protocol = 0;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case FRA_DST -> destination = attributes.address(family);
                case FRA_SRC -> source = attributes.address(family);
                case FRA_IIFNAME -> inputInterface = attributes.interfaceName();
                case FRA_OIFNAME -> outputInterface = attributes.interfaceName();
                case FRA_PRIORITY -> priority = attributes.u32();
                case FRA_FWMARK -> mark = attributes.u32();
                case FRA_FWMASK -> markMask = attributes.u32();
                case FRA_TABLE -> table = attributes.u32();
                case FRA_PROTOCOL -> protocol = attributes.u8();
                default -> {}
            }
        }
        return Optional.of(new Rule(
                family,
                priority,
                block(source, message.bodyU8(2)),
                block(destination, message.bodyU8(1)),
                Optional.ofNullable(inputInterface),
                Optional.ofNullable(outputInterface),
                Optional.ofNullable(mark),
                markMask,
                (message.bodyU32(8) & FIB_RULE_INVERT) != 0,
                RuleAction.of(message.bodyU8(7)),
                table,
                protocol));
    }

    private static Optional<Cidr> block(@Nullable IpAddress network, int prefixLength) {
        return Optional.ofNullable(network).map(address -> RouteMessage.cidr(address, prefixLength));
    }
}
