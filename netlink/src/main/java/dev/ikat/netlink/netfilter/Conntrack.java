package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The connections that the kernel tracks in one network namespace: read as values, deleted by value. The next packet of
 * a deleted connection is treated as the first of a new one, and so is checked against the current rules.
 *
 * <p>Any number of threads may use it; reads and deletions run one at a time. Calls block in the kernel: call from
 * platform threads. Every method throws {@link NetlinkException} if the kernel refuses, and
 * {@link IllegalStateException} after {@link #close()}.
 */
public final class Conntrack implements AutoCloseable {
    /**
     * Up to so many lists that the kernel looks out cost less than one list of all, where there are many connections.
     */
    private static final int LISTS = 32;

    /**
     * Up to so many connections, one list of all costs less than two that the kernel looks out: for each list it goes
     * through the whole table, which has room for many more.
     */
    private static final int FEW_CONNECTIONS = 1_024;

    private final NetlinkSocket socket;

    private Conntrack(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens connection tracking in the calling thread's namespace. */
    public static Conntrack open() {
        return new Conntrack(NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER));
    }

    /**
     * Opens connection tracking in another namespace. That namespace exists as long as this is open, whether or not
     * {@code namespace} is closed.
     */
    public static Conntrack open(NetworkNamespace namespace) {
        return namespace.call(Conntrack::open);
    }

    /** All connections. One that begins or ends during the call may be in the list or not. */
    public List<ConntrackEntry> entries() {
        return socket.dump(ConntrackRequests.listConnections(), ConntrackMessage::read);
    }

    /** All connections of a family. One that begins or ends during the call may be in the list or not. */
    public List<ConntrackEntry> entries(IpFamily family) {
        return socket.dump(ConntrackRequests.listConnections(family), ConntrackMessage::read);
    }

    /** The connections that have this mark, which must not be 0. */
    public List<ConntrackEntry> marked(int mark) {
        return socket.dump(ConntrackRequests.listConnectionsMarked(mark), ConntrackMessage::read).stream()
                .filter(entry -> entry.mark() == mark)
                .toList();
    }

    /** The connections that one of these addresses opened or answers, each once. */
    public Set<ConntrackEntry> entriesBetween(Set<IpAddress> ends) {
        return entries(ends, EnumSet.of(ConntrackEnd.SENDER, ConntrackEnd.ANSWERER));
    }

    /**
     * The connections in which one of these addresses occurs at either end, before or after any address translation,
     * each once.
     */
    public Set<ConntrackEntry> entries(Set<IpAddress> addresses) {
        return entries(addresses, EnumSet.allOf(ConntrackEnd.class));
    }

    private Set<ConntrackEntry> entries(Set<IpAddress> addresses, Set<ConntrackEnd> ends) {
        Set<ConntrackEntry> entries = new LinkedHashSet<>();
        if (addresses.isEmpty()) {
            return entries;
        }
        int count = socket.get(ConntrackRequests.count(), ConntrackMessage::readCount)
                .orElse(Integer.MAX_VALUE);
        Stream<Request> lists = count <= FEW_CONNECTIONS
                ? Stream.of(ConntrackRequests.listConnections())
                : Stream.of(IpFamily.values()).flatMap(family -> lists(family, addresses, ends));
        lists.forEach(list -> socket.dump(list, ConntrackMessage::read).stream()
                .filter(entry -> ends.stream().anyMatch(end -> addresses.contains(end.of(entry))))
                .forEach(entries::add));
        return entries;
    }

    private static Stream<Request> lists(IpFamily family, Set<IpAddress> addresses, Set<ConntrackEnd> ends) {
        List<IpAddress> some =
                addresses.stream().filter(address -> address.family() == family).toList();
        if (some.isEmpty()) {
            return Stream.empty();
        }
        // The kernel looks them out from Linux 5.8 on; an older one lists all. Asked for an IPv6 address, Linux 6.18
        // leaves out just those that have it.
        return family == IpFamily.IPV4 && some.size() * ends.size() <= LISTS
                ? some.stream()
                        .flatMap(address -> ends.stream().map(end -> ConntrackRequests.listConnections(end, address)))
                : Stream.of(ConntrackRequests.listConnections(family));
    }

    /**
     * Has the kernel track connections that are already open, as answered and without checking TCP's windows.
     * Connections that it already tracks are not changed.
     *
     * @param tuples the addresses and ports of their first packets
     * @param mark the connection mark of each, 0 for none
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public void add(Collection<ConntrackTuple> tuples, int mark) {
        add(tuples.stream()
                .map(tuple -> ConntrackRequests.addConnection(tuple, mark))
                .toList());
    }

    /**
     * Has the kernel track connections that are already open, as {@link #add(Collection, int)} does, and translate the
     * addresses and ports of their packets from now on.
     *
     * @param translated what the packets become, by the addresses and ports of their first ones
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public void add(Map<ConntrackTuple, ConntrackTuple> translated) {
        add(translated.entrySet().stream()
                .map(entry -> ConntrackRequests.addConnection(entry.getKey(), entry.getValue()))
                .toList());
    }

    private void add(List<Request> requests) {
        int _ = socket.execute(requests, Errno.EEXIST);
    }

    /**
     * Deletes connections, in few sends. One that no longer exists does not count, even if another has its tuples now.
     *
     * @return how many existed
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public int delete(Collection<ConntrackEntry> entries) {
        return socket.execute(entries.stream().map(ConntrackRequests::delete).toList(), Errno.ENOENT);
    }

    /**
     * Sets the mark of connections, in few sends. Nothing else about them changes.
     *
     * @return how many existed
     * @throws NetlinkException if the kernel refuses one; the others were tried
     */
    public int mark(Collection<ConntrackEntry> entries, int mark) {
        return socket.execute(
                entries.stream()
                        .map(entry -> ConntrackRequests.mark(entry, mark))
                        .toList(),
                Errno.ENOENT);
    }

    /** Closes the socket when the current call has ended; idempotent. */
    @Override
    public void close() {
        socket.close();
    }
}
