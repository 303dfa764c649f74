package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.MalformedMessageException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.util.Optional;

/**
 * Tracked connections: IPCTNL_MSG_CT_* and CTA_* ({@code linux/netfilter/nfnetlink_conntrack.h}). Their numbers are in
 * network byte order.
 */
public final class ConntrackMessage {
    private static final int IPCTNL_MSG_CT_NEW = 0;
    private static final int IPCTNL_MSG_CT_GET = 1;
    private static final int IPCTNL_MSG_CT_DELETE = 2;
    private static final int IPCTNL_MSG_CT_GET_STATS = 5;

    static final int NEW = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW);
    static final int GET = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET);
    static final int DELETE = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE);

    static final int GET_STATS = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS);

    /** {@code enum ctattr_stats_global}. */
    private static final int CTA_STATS_GLOBAL_ENTRIES = 1;

    private static final int CTA_TUPLE_ORIG = 1;
    private static final int CTA_TUPLE_REPLY = 2;
    private static final int CTA_STATUS = 3;
    private static final int CTA_PROTOINFO = 4;
    private static final int CTA_TIMEOUT = 7;
    private static final int CTA_MARK = 8;
    private static final int CTA_NAT_SRC = 6;
    private static final int CTA_ID = 12;
    private static final int CTA_NAT_DST = 13;
    private static final int CTA_ZONE = 18;
    private static final int CTA_MARK_MASK = 21;
    private static final int CTA_FILTER = 25;

    private static final int CTA_TUPLE_IP = 1;
    private static final int CTA_TUPLE_PROTO = 2;

    private static final int CTA_IP_V4_SRC = 1;
    private static final int CTA_IP_V4_DST = 2;
    private static final int CTA_IP_V6_SRC = 3;
    private static final int CTA_IP_V6_DST = 4;

    private static final int CTA_PROTO_NUM = 1;
    private static final int CTA_PROTO_SRC_PORT = 2;
    private static final int CTA_PROTO_DST_PORT = 3;
    private static final int CTA_PROTO_ICMP_ID = 4;
    private static final int CTA_PROTO_ICMP_TYPE = 5;
    private static final int CTA_PROTO_ICMP_CODE = 6;
    private static final int CTA_PROTO_ICMPV6_ID = 7;
    private static final int CTA_PROTO_ICMPV6_TYPE = 8;
    private static final int CTA_PROTO_ICMPV6_CODE = 9;

    private static final int CTA_NAT_V4_MINIP = 1;
    private static final int CTA_NAT_PROTO = 3;
    private static final int CTA_NAT_V6_MINIP = 4;
    private static final int CTA_PROTONAT_PORT_MIN = 1;
    private static final int CTA_PROTONAT_PORT_MAX = 2;

    private static final int CTA_PROTOINFO_TCP = 1;
    private static final int CTA_PROTOINFO_TCP_STATE = 1;
    private static final int CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
    private static final int CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

    /**
     * IPS_SEEN_REPLY, IPS_ASSURED and IPS_CONFIRMED, linux/netfilter/nf_conntrack_common.h. The kernel confirms what it
     * is told before it looks at the status, and refuses one that would take that back (EBUSY).
     */
    private static final int STATUS_OPEN = 1 << 1 | 1 << 2 | 1 << 3;

    /** TCP_CONNTRACK_ESTABLISHED, linux/netfilter/nf_conntrack_tcp.h. */
    private static final int TCP_ESTABLISHED = 3;

    /** IP_CT_TCP_FLAG_BE_LIBERAL, there too. */
    private static final byte TCP_LIBERAL = 8;

    /** As the kernel's own for an established connection, and for one of another protocol, in seconds. */
    private static final int TCP_TIMEOUT = 432_000;

    private static final int OTHER_TIMEOUT = 120;

    private static final int WHOLE_MARK = 0xffff_ffff;

    private static final int CTA_FILTER_ORIG_FLAGS = 1;
    private static final int CTA_FILTER_REPLY_FLAGS = 2;

    /** CTA_FILTER_F_CTA_IP_SRC and CTA_FILTER_F_CTA_IP_DST, net/netfilter/nf_internals.h. */
    private static final int FILTER_SOURCE = 1;

    private static final int FILTER_DESTINATION = 1 << 1;

    private static final int IPPROTO_TCP = 6;
    private static final int IPPROTO_ICMP = 1;
    private static final int IPPROTO_ICMPV6 = 58;

    private ConntrackMessage() {}

    /** Lists connections that have this address at this end. A kernel before 5.8 lists all of the family. */
    static void writeDump(MessageWriter message, ConntrackEnd end, IpAddress address) {
        int tuple = end.isOfReply() ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG;
        int type = end.isSource() ? sourceType(address) : destinationType(address);
        int flag = end.isSource() ? FILTER_SOURCE : FILTER_DESTINATION;
        int originalFlags = end.isOfReply() ? 0 : flag;
        int replyFlags = end.isOfReply() ? flag : 0;
        NetfilterMessage.nfgenmsg(message, AddressFamily.of(address.family()), 0)
                .nested(tuple, ends -> ends.nested(CTA_TUPLE_IP, ip -> ip.address(type, address)))
                // Flags, other than all else here, are in the machine's own byte order.
                .nested(
                        CTA_FILTER,
                        filter -> filter.u32(CTA_FILTER_ORIG_FLAGS, originalFlags)
                                .u32(CTA_FILTER_REPLY_FLAGS, replyFlags));
    }

    /** Lists connections with this mark. */
    static void writeDumpMarked(MessageWriter message, int mark) {
        NetfilterMessage.nfgenmsg(message, AddressFamily.AF_UNSPEC, 0)
                .u32be(CTA_MARK, mark)
                .u32be(CTA_MARK_MASK, WHOLE_MARK);
    }

    /** Notes a mark of a connection that is there. */
    static void writeMark(MessageWriter message, ConntrackEntry entry, int mark) {
        ConntrackTuple original = entry.original();
        NetfilterMessage.nfgenmsg(message, AddressFamily.of(original.source().family()), 0)
                .nested(CTA_TUPLE_ORIG, tuple -> writeTuple(tuple, original))
                .u32be(CTA_MARK, mark);
        if (entry.zone() != 0) {
            message.u16be(CTA_ZONE, entry.zone());
        }
    }

    /**
     * A connection that is open already.
     *
     * @param translated what its packets become: the kernel computes what the answers are
     */
    static void writeNew(MessageWriter message, ConntrackTuple tuple, ConntrackTuple translated) {
        writeNew(message, tuple, 0);
        writeTranslation(message, CTA_NAT_DST, translated.destination(), translated.destinationPort());
        if (!translated.source().equals(tuple.source()) || translated.sourcePort() != tuple.sourcePort()) {
            writeTranslation(message, CTA_NAT_SRC, translated.source(), translated.sourcePort());
        }
    }

    private static void writeTranslation(MessageWriter message, int type, IpAddress address, int port) {
        message.nested(
                type,
                nat -> nat.address(address.family() == IpFamily.IPV4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, address)
                        .nested(
                                CTA_NAT_PROTO,
                                ports ->
                                        ports.u16be(CTA_PROTONAT_PORT_MIN, port).u16be(CTA_PROTONAT_PORT_MAX, port)));
    }

    /** A connection that is open already, without any translation of addresses. */
    static void writeNew(MessageWriter message, ConntrackTuple tuple, int mark) {
        NetfilterMessage.nfgenmsg(message, AddressFamily.of(tuple.source().family()), 0)
                .nested(CTA_TUPLE_ORIG, original -> writeTuple(original, tuple))
                .nested(CTA_TUPLE_REPLY, reply -> writeTuple(reply, answer(tuple)))
                .u32be(CTA_STATUS, STATUS_OPEN)
                .u32be(CTA_TIMEOUT, tuple.protocol() == IPPROTO_TCP ? TCP_TIMEOUT : OTHER_TIMEOUT);
        if (mark != 0) {
            message.u32be(CTA_MARK, mark);
        }
        if (tuple.protocol() == IPPROTO_TCP) {
            byte[] flags = {TCP_LIBERAL, TCP_LIBERAL};
            message.nested(
                    CTA_PROTOINFO,
                    info -> info.nested(
                            CTA_PROTOINFO_TCP,
                            tcp -> tcp.u8(CTA_PROTOINFO_TCP_STATE, TCP_ESTABLISHED)
                                    .bytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, flags)
                                    .bytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, flags)));
        }
    }

    private static ConntrackTuple answer(ConntrackTuple tuple) {
        return new ConntrackTuple(
                /* source= */ tuple.destination(),
                /* destination= */ tuple.source(),
                tuple.protocol(),
                /* sourcePort= */ tuple.destinationPort(),
                /* destinationPort= */ tuple.sourcePort(),
                // The types of an echo's answer: RFC 792, RFC 4443.
                tuple.icmp()
                        .map(query -> new ConntrackTuple.IcmpQuery(
                                query.id(), tuple.protocol() == IPPROTO_ICMP ? 0 : 129, query.code())));
    }

    /** Deletes this connection and no other: a message without a tuple would delete all. */
    static void writeDelete(MessageWriter message, ConntrackEntry entry) {
        ConntrackTuple original = entry.original();
        NetfilterMessage.nfgenmsg(message, AddressFamily.of(original.source().family()), 0)
                .nested(CTA_TUPLE_ORIG, tuple -> writeTuple(tuple, original))
                .u32be(CTA_ID, entry.id());
        if (entry.zone() != 0) {
            message.u16be(CTA_ZONE, entry.zone());
        }
    }

    private static void writeTuple(MessageWriter message, ConntrackTuple tuple) {
        message.nested(
                CTA_TUPLE_IP,
                ip -> ip.address(sourceType(tuple.source()), tuple.source())
                        .address(destinationType(tuple.destination()), tuple.destination()));
        message.nested(CTA_TUPLE_PROTO, proto -> {
            proto.u8(CTA_PROTO_NUM, tuple.protocol());
            if (tuple.icmp().isEmpty()) {
                proto.u16be(CTA_PROTO_SRC_PORT, tuple.sourcePort()).u16be(CTA_PROTO_DST_PORT, tuple.destinationPort());
                return;
            }
            ConntrackTuple.IcmpQuery query = tuple.icmp().get();
            boolean v6 = tuple.protocol() == IPPROTO_ICMPV6;
            proto.u16be(v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, query.id())
                    .u8(v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, query.type())
                    .u8(v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, query.code());
        });
    }

    private static int sourceType(IpAddress address) {
        return address.family() == IpFamily.IPV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
    }

    private static int destinationType(IpAddress address) {
        return address.family() == IpFamily.IPV4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
    }

    /** Reads IPCTNL_MSG_CT_NEW; empty if the family is not IP. */
    public static Optional<ConntrackEntry> read(MessageReader message) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        if (family == null) {
            return Optional.empty();
        }
        ConntrackTuple original = null;
        ConntrackTuple reply = null;
        int zone = 0;
        int status = 0;
        int id = 0;
        int mark = 0;
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case CTA_TUPLE_ORIG -> original = readTuple(attributes.nested(), family);
                case CTA_TUPLE_REPLY -> reply = readTuple(attributes.nested(), family);
                case CTA_STATUS -> status = attributes.u32be();
                case CTA_ID -> id = attributes.u32be();
                case CTA_MARK -> mark = attributes.u32be();
                case CTA_ZONE -> zone = attributes.u16be();
                default -> {}
            }
        }
        if (original == null || reply == null) {
            throw new MalformedMessageException("a connection without the tuples of both directions");
        }
        return Optional.of(new ConntrackEntry(original, reply, zone, status, id, mark));
    }

    /** How many connections there are, from the answer to IPCTNL_MSG_CT_GET_STATS. */
    static Optional<Integer> readCount(MessageReader message) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            if (attributes.type() == CTA_STATS_GLOBAL_ENTRIES) {
                return Optional.of(attributes.u32be());
            }
        }
        return Optional.empty();
    }

    private static ConntrackTuple readTuple(AttributeReader tuple, IpFamily family) {
        boolean v4 = family == IpFamily.IPV4;
        IpAddress source = null;
        IpAddress destination = null;
        int[] proto = new int[CTA_PROTO_ICMPV6_CODE + 1];
        boolean icmp = false;
        while (tuple.next()) {
            AttributeReader fields = tuple.nested();
            switch (tuple.type()) {
                case CTA_TUPLE_IP -> {
                    while (fields.next()) {
                        if (fields.type() == (v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC)) {
                            source = fields.address(family);
                        } else if (fields.type() == (v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST)) {
                            destination = fields.address(family);
                        }
                    }
                }
                case CTA_TUPLE_PROTO -> {
                    while (fields.next()) {
                        icmp |= fields.type() >= CTA_PROTO_ICMP_ID;
                        readProto(fields, proto);
                    }
                }
                default -> {}
            }
        }
        if (source == null || destination == null) {
            throw new MalformedMessageException("a direction of a connection without its two addresses");
        }
        Optional<ConntrackTuple.IcmpQuery> query = Optional.empty();
        if (icmp) {
            query = Optional.of(new ConntrackTuple.IcmpQuery(
                    proto[CTA_PROTO_ICMP_ID] | proto[CTA_PROTO_ICMPV6_ID],
                    proto[CTA_PROTO_ICMP_TYPE] | proto[CTA_PROTO_ICMPV6_TYPE],
                    proto[CTA_PROTO_ICMP_CODE] | proto[CTA_PROTO_ICMPV6_CODE]));
        }
        return new ConntrackTuple(
                source, destination, proto[CTA_PROTO_NUM], proto[CTA_PROTO_SRC_PORT], proto[CTA_PROTO_DST_PORT], query);
    }

    private static void readProto(AttributeReader field, int[] proto) {
        int type = field.type();
        switch (type) {
            case CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID ->
                proto[type] = field.u16be();
            case CTA_PROTO_NUM,
                    CTA_PROTO_ICMP_TYPE,
                    CTA_PROTO_ICMP_CODE,
                    CTA_PROTO_ICMPV6_TYPE,
                    CTA_PROTO_ICMPV6_CODE -> proto[type] = field.u8();
            default -> {}
        }
    }
}
