package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.Listener;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Reads the packets that rules log to one group of one network namespace (NFLOG). A group has one reader. Packets that
 * arrive faster than they are read are lost, and counted.
 *
 * <p>Any number of threads may use it, but only one may poll at a time. Waiting blocks the thread in the kernel: poll
 * from a platform thread.
 */
public final class NetfilterLog implements AutoCloseable {
    /** Enough for the headers: IPv6 with some extensions, and the ports. */
    private static final int COPY_RANGE = 128;

    /** Room for some thousand packets. */
    private static final int RECEIVE_BUFFER = 1024 * 1024;

    private static final int MAX_GROUP = 0xffff;

    private final Listener listener;
    private final AtomicLong lost = new AtomicLong();
    private int expected;
    private boolean overrun;

    /** A packet, or the reason why some are missing. */
    private sealed interface Entry {
        record Packet(LoggedPacket packet) implements Entry {}

        record Missing(String reason) implements Entry {}
    }

    private NetfilterLog(Listener listener) {
        this.listener = listener;
    }

    /**
     * Begins to read a group in the calling thread's namespace.
     *
     * @param group 0 to 65535
     * @throws NetlinkException EPERM or EBUSY if another process reads it, EOPNOTSUPP or EINVAL if the kernel has no
     *     NFLOG
     */
    public static NetfilterLog open(int group) {
        return openHere(group, RECEIVE_BUFFER);
    }

    /** As {@link #open(int)}, in another namespace. */
    static NetfilterLog open(NetworkNamespace namespace, int group) {
        return openWithBuffer(namespace, group, RECEIVE_BUFFER);
    }

    static NetfilterLog openWithBuffer(NetworkNamespace namespace, int group, int bytes) {
        return namespace.call(() -> openHere(group, bytes));
    }

    private static NetfilterLog openHere(int group, int receiveBuffer) {
        if (group < 0 || group > MAX_GROUP) {
            throw new IllegalArgumentException("invalid log group " + group + ": it has to be 0 to " + MAX_GROUP);
        }
        return new NetfilterLog(Listener.open(NetlinkSocket.NETLINK_NETFILTER, receiveBuffer, socket -> {
            Request bind = LogMessage.bind(group, COPY_RANGE);
            for (NetlinkSocket.Failure failure : socket.execute(List.of(bind))) {
                throw new NetlinkException(bind.toString(), failure.errno(), failure.extendedAck(), -1);
            }
        }));
    }

    /**
     * Waits for packets at most this long, then returns all that have arrived, in order; empty if none have, or if this
     * is closed meanwhile.
     *
     * @throws IllegalStateException if this was closed before
     */
    public synchronized List<LoggedPacket> poll(Duration timeout) {
        List<LoggedPacket> packets = new ArrayList<>();
        for (Entry entry : listener.<Entry>poll(timeout, NetfilterLog::read, Entry.Missing::new)) {
            switch (entry) {
                case Entry.Packet(LoggedPacket packet) -> {
                    count(packet.sequence());
                    packets.add(packet);
                }
                case Entry.Missing _ -> {
                    // How many, the next packet's number tells; that there were some is known now.
                    lost.addAndGet(overrun ? 0 : 1);
                    overrun = true;
                }
            }
        }
        return packets;
    }

    private static Optional<Entry> read(MessageReader message) {
        return LogMessage.read(message).map(Entry.Packet::new);
    }

    private void count(int sequence) {
        long missing = Integer.toUnsignedLong(sequence - expected);
        // A number that goes back is the kernel's counter begun anew, not four thousand million lost packets.
        if (missing > 0 && missing <= Integer.MAX_VALUE) {
            lost.addAndGet(overrun ? missing - 1 : missing);
            // News of a loss comes before the packets that were waiting then; only the gap is the loss itself.
            overrun = false;
        }
        expected = sequence + 1;
    }

    /** How many packets were logged but lost before they could be read, since this was opened. */
    public long lost() {
        return lost.get();
    }

    /** Ends a running {@link #poll}, then closes; idempotent. */
    @Override
    public void close() {
        listener.close();
    }
}
