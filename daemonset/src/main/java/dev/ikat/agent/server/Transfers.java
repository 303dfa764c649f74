package dev.ikat.agent.server;

import dev.ikat.cni.CniRequest;
import dev.ikat.netlink.namespace.NamespaceChannel;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import jnr.unixsocket.UnixSocketChannel;

/**
 * The connections of which a request is only partly read, or an answer only partly written. All have the same time, and
 * there is room for so many of them and for so many bytes: where that is used up, the oldest has to go, so that whoever
 * is quick is served whatever others do. Used by one thread.
 */
final class Transfers {
    private final Duration limit;
    private final int maxConnections;
    private final long maxBytes;
    /** The oldest first. */
    private final Set<Transfer> transfers = new LinkedHashSet<>();

    private long bytes;

    /**
     * What is to be sent.
     *
     * @param request what is answered
     * @param sent see {@link Reply#sent}
     * @param startNanos when the request was begun with
     * @param rest the bytes that are still to be sent
     */
    record Answer(CniRequest request, Consumer<Duration> sent, long startNanos, ByteBuffer rest) {
        /** All of it was sent. */
        void wasSent() {
            sent.accept(Duration.ofNanos(System.nanoTime() - startNanos));
        }
    }

    /** One connection's. */
    static final class Transfer {
        final UnixSocketChannel channel;
        /** The lower, the earlier its connection came. */
        final long number;

        /** What the channel says, and the namespace that comes with it. */
        final NamespaceChannel incoming;

        final FrameReader request = new FrameReader();
        /** Absent while the request is being read. */
        final Optional<Answer> answer;

        private long deadline;
        private int counted;

        /** A request is to come. */
        Transfer(UnixSocketChannel channel, long number) {
            this(channel, number, Optional.empty());
        }

        /** An answer is to go. */
        Transfer(UnixSocketChannel channel, Answer answer) {
            this(channel, 0, Optional.of(answer));
        }

        private Transfer(UnixSocketChannel channel, long number, Optional<Answer> answer) {
            this.channel = channel;
            this.number = number;
            this.incoming = new NamespaceChannel(channel.getFD());
            this.answer = answer;
        }

        private int size() {
            return request.size() + answer.map(each -> each.rest().capacity()).orElse(0);
        }
    }

    Transfers(Duration limit, int maxConnections, long maxBytes) {
        this.limit = limit;
        this.maxConnections = maxConnections;
        this.maxBytes = maxBytes;
    }

    /** It begins, and its time does. */
    void add(Transfer transfer, long now) {
        transfer.deadline = now + limit.toNanos();
        transfers.add(transfer);
        count(transfer);
    }

    /** It may have grown. */
    void count(Transfer transfer) {
        bytes += transfer.size() - transfer.counted;
        transfer.counted = transfer.size();
    }

    /** It has come to an end. */
    void remove(Transfer transfer) {
        if (transfers.remove(transfer)) {
            bytes -= transfer.counted;
            transfer.counted = 0;
        }
    }

    /** Removes and returns the oldest ones that there is no room for. */
    List<Transfer> tooMany() {
        List<Transfer> excess = new ArrayList<>();
        while (transfers.size() > maxConnections || bytes > maxBytes) {
            Transfer oldest = transfers.iterator().next();
            remove(oldest);
            excess.add(oldest);
        }
        return excess;
    }

    /** Removes and returns those whose time is over. */
    List<Transfer> tooLate(long now) {
        List<Transfer> late = new ArrayList<>();
        Iterator<Transfer> oldest = transfers.iterator();
        while (oldest.hasNext()) {
            Transfer transfer = oldest.next();
            if (now - transfer.deadline < 0) {
                break;
            }
            late.add(transfer);
        }
        late.forEach(this::remove);
        return late;
    }

    /** For how long nothing has to be done about time: in milliseconds, 0 if there is nothing to wait for. */
    long millisToWait(long now) {
        if (transfers.isEmpty()) {
            return 0;
        }
        return Math.max(1, (transfers.iterator().next().deadline - now) / 1_000_000 + 1);
    }

    boolean isEmpty() {
        return transfers.isEmpty();
    }

    /** Whether it has begun and not come to an end. */
    boolean has(Transfer transfer) {
        return transfers.contains(transfer);
    }

    Duration limit() {
        return limit;
    }
}
