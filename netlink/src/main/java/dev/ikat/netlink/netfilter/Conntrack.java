package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The connections that the kernel tracks in one network namespace: read as values, deleted by value. What is deleted
 * begins anew with its next packet, and so meets the rules of now.
 *
 * <p>Safe for use by any number of threads; one reading or deletion is under way at a time. Calls block in the kernel:
 * call from platform threads. Every method throws {@link NetlinkException} where the kernel refuses, and
 * {@link IllegalStateException} after {@link #close()}.
 */
public final class Conntrack implements AutoCloseable {
    /** Up to so many addresses, four lists of each that the kernel looks out cost less than one list of all. */
    private static final int FEW = 8;

    private final NetlinkSocket socket;

    private Conntrack(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens the namespace of the calling thread. */
    public static Conntrack open() {
        return new Conntrack(NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER));
    }

    /** Opens another namespace. It stays alive while this is open, whether or not {@code namespace} is closed. */
    public static Conntrack open(NetworkNamespace namespace) {
        return namespace.call(Conntrack::open);
    }

    /** All connections of a family. One that begins or ends meanwhile may be in the list or not. */
    public List<ConntrackEntry> entries(IpFamily family) {
        return socket.dump(ConntrackRequests.listConnections(family), ConntrackMessage::read);
    }

    /** The connections of a family that have this mark, which is not 0. */
    public List<ConntrackEntry> marked(IpFamily family, int mark) {
        return socket.dump(ConntrackRequests.listConnectionsMarked(family, mark), ConntrackMessage::read).stream()
                .filter(entry -> entry.mark() == mark)
                .toList();
    }

    /** The connections that this address opened or answers, each once. */
    public Set<ConntrackEntry> entries(IpAddress end) {
        Set<ConntrackEntry> entries = new LinkedHashSet<>();
        switch (end.family()) {
            case IPV4 -> {
                // The kernel looks them out (from Linux 5.8 on; an older one lists all).
                add(ConntrackRequests.listConnections(ConntrackEnd.SENDER, end), end, entries);
                add(ConntrackRequests.listConnections(ConntrackEnd.ANSWERER, end), end, entries);
            }
            // Asked for an IPv6 address, Linux 6.18 leaves out just those that have it.
            case IPV6 -> add(ConntrackRequests.listConnections(IpFamily.IPV6), end, entries);
        }
        return entries;
    }

    /**
     * The connections that have one of these addresses at any end, before or after any translation of addresses, each
     * once.
     */
    public Set<ConntrackEntry> entries(Set<IpAddress> addresses) {
        Set<ConntrackEntry> entries = new LinkedHashSet<>();
        for (IpFamily family : IpFamily.values()) {
            List<IpAddress> some = addresses.stream()
                    .filter(address -> address.family() == family)
                    .toList();
            if (some.isEmpty()) {
                continue;
            }
            Stream<Request> lists = family == IpFamily.IPV4 && some.size() <= FEW
                    ? some.stream()
                            .flatMap(address -> Stream.of(ConntrackEnd.values())
                                    .map(end -> ConntrackRequests.listConnections(end, address)))
                    : Stream.of(ConntrackRequests.listConnections(family));
            lists.forEach(list -> socket.dump(list, ConntrackMessage::read).stream()
                    .filter(entry ->
                            Stream.of(ConntrackEnd.values()).anyMatch(end -> addresses.contains(end.of(entry))))
                    .forEach(entries::add));
        }
        return entries;
    }

    private void add(Request list, IpAddress end, Set<ConntrackEntry> entries) {
        for (ConntrackEntry entry : socket.dump(list, ConntrackMessage::read)) {
            if (entry.sender().equals(end) || entry.receiver().equals(end)) {
                entries.add(entry);
            }
        }
    }

    /**
     * Makes the kernel track connections that are open already, as answered and without a look at TCP's windows. One
     * that it tracks stays as it is.
     *
     * @param tuples what their first packets said
     * @param mark noted of each, 0 for none
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public void add(Collection<ConntrackTuple> tuples, int mark) {
        List<Request> requests = tuples.stream()
                .map(tuple -> ConntrackRequests.addConnection(tuple, mark))
                .toList();
        for (NetlinkSocket.Failure failure : socket.execute(requests)) {
            if (failure.errno() != Errno.EEXIST) {
                throw new NetlinkException(
                        requests.get(failure.index()).toString(),
                        failure.errno(),
                        failure.extendedAck(),
                        failure.index());
            }
        }
    }

    /**
     * Deletes connections, in few sends. One that is gone already, also if another has its tuples now, is none of
     * these.
     *
     * @return how many there were
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public int delete(Collection<ConntrackEntry> entries) {
        return ofThoseThere(entries.stream().map(ConntrackRequests::delete).toList());
    }

    /**
     * Notes a mark of connections, in few sends, instead of what was noted of them before. They go on as they are.
     *
     * @return how many there were
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public int mark(Collection<ConntrackEntry> entries, int mark) {
        return ofThoseThere(entries.stream()
                .map(entry -> ConntrackRequests.mark(entry, mark))
                .toList());
    }

    /** Does what is asked of connections, and tells how many of them there were. */
    private int ofThoseThere(List<Request> requests) {
        int done = requests.size();
        for (NetlinkSocket.Failure failure : socket.execute(requests)) {
            if (failure.errno() != Errno.ENOENT) {
                throw new NetlinkException(
                        requests.get(failure.index()).toString(),
                        failure.errno(),
                        failure.extendedAck(),
                        failure.index());
            }
            done--;
        }
        return done;
    }

    /** Closes the socket once a call under way has ended; idempotent. */
    @Override
    public void close() {
        socket.close();
    }
}
