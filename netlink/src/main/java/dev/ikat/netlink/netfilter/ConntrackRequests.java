package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.MessageWriter;
import dev.ikat.netlink.wire.NetlinkSocket;

/** The requests that {@link Conntrack} sends ({@code linux/netfilter/nfnetlink_conntrack.h}). */
public final class ConntrackRequests {
    private ConntrackRequests() {}

    static Request count() {
        return MessageWriter.request(
                "count",
                "connections",
                ConntrackMessage.GET_STATS,
                0,
                message -> NetfilterMessage.nfgenmsg(message, AddressFamily.AF_UNSPEC, 0));
    }

    /** Of both families. */
    static Request listConnections() {
        return MessageWriter.list(
                "connections",
                ConntrackMessage.GET,
                message -> NetfilterMessage.nfgenmsg(message, AddressFamily.AF_UNSPEC, 0));
    }

    public static Request listConnections(IpFamily family) {
        return MessageWriter.list(
                family + " connections",
                ConntrackMessage.GET,
                message -> NetfilterMessage.nfgenmsg(message, AddressFamily.of(family), 0));
    }

    public static Request listConnections(ConntrackEnd end, IpAddress address) {
        return MessageWriter.list(
                "connections of " + address,
                ConntrackMessage.GET,
                message -> ConntrackMessage.writeDump(message, end, address));
    }

    static Request listConnectionsMarked(int mark) {
        return MessageWriter.list(
                "connections with mark 0x" + Integer.toHexString(mark),
                ConntrackMessage.GET,
                message -> ConntrackMessage.writeDumpMarked(message, mark));
    }

    static Request addConnection(ConntrackTuple tuple, int mark) {
        return MessageWriter.request(
                "add",
                "connection " + tuple,
                ConntrackMessage.NEW,
                NetlinkSocket.NLM_F_CREATE | NetlinkSocket.NLM_F_EXCL,
                message -> ConntrackMessage.writeNew(message, tuple, mark));
    }

    static Request addConnection(ConntrackTuple tuple, ConntrackTuple translated) {
        return MessageWriter.request(
                "add",
                "connection " + tuple + " as " + translated,
                ConntrackMessage.NEW,
                NetlinkSocket.NLM_F_CREATE | NetlinkSocket.NLM_F_EXCL,
                message -> ConntrackMessage.writeNew(message, tuple, translated));
    }

    static Request mark(ConntrackEntry entry, int mark) {
        return MessageWriter.request(
                "mark", entry, ConntrackMessage.NEW, 0, message -> ConntrackMessage.writeMark(message, entry, mark));
    }

    public static Request delete(ConntrackEntry entry) {
        return MessageWriter.request(
                "delete", entry, ConntrackMessage.DELETE, 0, message -> ConntrackMessage.writeDelete(message, entry));
    }
}
