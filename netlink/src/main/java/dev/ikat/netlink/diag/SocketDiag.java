package dev.ikat.netlink.diag;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The sockets of one network namespace, of whatever process. Any number of threads may use it. Methods throw
 * {@link NetlinkException} if the kernel refuses, and {@link IllegalStateException} after {@link #close()}.
 */
public final class SocketDiag implements AutoCloseable {
    private final NetlinkSocket socket;

    private SocketDiag(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens a namespace's; it exists as long as this is open, whether or not {@code namespace} is closed. */
    public static SocketDiag open(NetworkNamespace namespace) {
        return namespace.call(() -> new SocketDiag(NetlinkSocket.open(NetlinkSocket.NETLINK_SOCK_DIAG)));
    }

    /**
     * Whether the kernel can list sockets of UDP and end them: it has CONFIG_INET_UDP_DIAG and
     * CONFIG_INET_DIAG_DESTROY.
     */
    public boolean canEnd() {
        try {
            socket.dump(SocketMessage.listConnected(IpFamily.IPV4), SocketMessage::read);
        } catch (NetlinkException e) {
            return false;
        }
        List<NetlinkSocket.Failure> failures = socket.execute(List.of(SocketMessage.endNobody()));
        return failures.stream().allMatch(failure -> failure.errno() == Errno.ENOENT);
    }

    /** The connected sockets of UDP, of both families. */
    public List<ConnectedSocket> connected() {
        List<ConnectedSocket> sockets = new ArrayList<>();
        for (IpFamily family : IpFamily.values()) {
            sockets.addAll(socket.dump(SocketMessage.listConnected(family), SocketMessage::read));
        }
        return sockets;
    }

    /**
     * Ends sockets: their owners hear of it by ECONNABORTED, and may connect them again. One that is there no more does
     * not count.
     *
     * @return how many were there
     */
    public int end(Collection<ConnectedSocket> sockets) {
        return socket.execute(sockets.stream().map(SocketMessage::end).toList(), Errno.ENOENT);
    }

    @Override
    public void close() {
        socket.close();
    }
}
