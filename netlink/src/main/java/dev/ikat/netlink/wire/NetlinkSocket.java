package dev.ikat.netlink.wire;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A netlink socket: requests with their acknowledgements, dumps, and notifications (netlink(7),
 * {@code linux/netlink.h}). It ignores everything that does not come from the kernel, and every answer that does not
 * belong to the current request. One request, batch or dump runs at a time; other threads wait.
 */
public final class NetlinkSocket implements AutoCloseable {
    private static final int SOCK_RAW = 3;
    private static final int SOCK_CLOEXEC = 0x80000;

    /** Links, addresses, routes, neighbours, rules. */
    public static final int NETLINK_ROUTE = 0;

    /** Sockets. */
    public static final int NETLINK_SOCK_DIAG = 4;

    /** Connection tracking, packet logs, nf_tables. */
    public static final int NETLINK_NETFILTER = 12;

    private static final int SO_RCVBUF = 8;
    private static final int SO_RCVTIMEO = 20;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_ADD_MEMBERSHIP = 1;
    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int NETLINK_GET_STRICT_CHK = 12;

    private static final int MSG_TRUNC = 0x20;
    private static final int MSG_DONTWAIT = 0x40;

    public static final int NLM_F_REQUEST = 0x01;
    public static final int NLM_F_ACK = 0x04;
    static final int NLM_F_DUMP_INTR = 0x10;
    public static final int NLM_F_DUMP = 0x300;

    public static final int NLM_F_REPLACE = 0x100;
    public static final int NLM_F_EXCL = 0x200;
    public static final int NLM_F_CREATE = 0x400;
    public static final int NLM_F_APPEND = 0x800;

    /**
     * Failures of one send wait in the receive buffer, 212,992 bytes by default, of which each takes about 1 KiB with
     * its explanation. More messages than this are sent in several parts.
     */
    static final int MAX_MESSAGES_A_SEND = 128;

    /** The kernel answers while it takes the request; this only ends what must never happen. */
    private static final int TIME_LIMIT_SECONDS = 10;

    /** A dump is repeated when what it lists changed meanwhile. */
    static final int MAX_DUMP_ATTEMPTS = 32;

    private static final int MAX_DATAGRAMS_DRAINED = 100_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final int fd;
    private final int port;
    private @Nullable NetlinkBuffer buffer;
    private int sequence;

    /** A request of a batch that failed. */
    public record Failure(int index, int errno, String extendedAck) {}

    private NetlinkSocket(int fd, NetlinkBuffer buffer, int port) {
        this.fd = fd;
        this.buffer = buffer;
        this.port = port;
    }

    /** Opens a NETLINK_ROUTE socket in the calling thread's namespace. */
    public static NetlinkSocket open() {
        return open(NETLINK_ROUTE);
    }

    /** Opens a socket of this protocol, NETLINK_*, in the calling thread's namespace. */
    public static NetlinkSocket open(int protocol) {
        int fd = Libc.socket(AddressFamily.AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (fd < 0) {
            throw new NetlinkException("open a netlink socket", -fd);
        }
        NetlinkBuffer buffer = NetlinkBuffer.take();
        try {
            check("bind", Libc.bind(fd, buffer.address(0)));
            NetlinkSocket socket = new NetlinkSocket(fd, buffer, port(fd, buffer));
            socket.option(SOL_NETLINK, NETLINK_CAP_ACK, buffer.word(1));
            socket.option(SOL_NETLINK, NETLINK_EXT_ACK, buffer.word(1));
            socket.option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, buffer.word(1));
            // Struct timeval: seconds and microseconds.
            buffer.data.set(ValueLayout.JAVA_LONG, 0, TIME_LIMIT_SECONDS);
            buffer.data.set(ValueLayout.JAVA_LONG, Long.BYTES, 0);
            socket.option(Libc.SOL_SOCKET, SO_RCVTIMEO, buffer.data.asSlice(0, 2 * Long.BYTES));
            return socket;
        } catch (RuntimeException | Error e) {
            Libc.close(fd);
            buffer.release();
            throw e;
        }
    }

    /** The port of a netlink socket that another part of this process opened; 0 before it has one. */
    public static int portOf(int descriptor) {
        NetlinkBuffer buffer = NetlinkBuffer.take();
        try {
            return port(descriptor, buffer);
        } finally {
            buffer.release();
        }
    }

    private static int port(int fd, NetlinkBuffer buffer) {
        MemorySegment length = buffer.word((int) buffer.address.byteSize());
        check("ask for the port", Libc.getsockname(fd, buffer.address, length));
        return buffer.port();
    }

    private static void check(String attempt, int result) {
        if (result < 0) {
            throw new NetlinkException(attempt + " of a netlink socket", -result);
        }
    }

    private void option(int level, int option, MemorySegment value) {
        check("set option " + option, Libc.setsockopt(fd, level, option, value));
    }

    public int fd() {
        return fd;
    }

    /** Joins a multicast group, RTNLGRP_* or NFNLGRP_*. */
    public void join(int group) {
        option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, buffer().word(group));
    }

    /** Sets how many bytes of notifications wait; above the system's limit if the process may. */
    void receiveBuffer(int bytes) {
        if (Libc.setsockopt(fd, Libc.SOL_SOCKET, SO_RCVBUFFORCE, buffer().word(bytes)) < 0) {
            option(Libc.SOL_SOCKET, SO_RCVBUF, buffer().word(bytes));
        }
    }

    /**
     * Sends the requests at once (in parts of {@value #MAX_MESSAGES_A_SEND}) and waits until all are executed. Each is
     * tried, even if an earlier one failed.
     *
     * @return the failures, in order
     */
    public List<Failure> execute(List<Request> requests) {
        lock.lock();
        try {
            List<Failure> failures = new ArrayList<>(0);
            int next = 0;
            while (next < requests.size()) {
                next = executePart(requests, next, failures);
            }
            return failures;
        } finally {
            lock.unlock();
        }
    }

    private int executePart(List<Request> requests, int from, List<Failure> failures) {
        NetlinkBuffer buffer = buffer();
        int first = sequence + 1;
        int last = 0;
        int length = 0;
        int next = from;
        while (next < requests.size() && next - from < MAX_MESSAGES_A_SEND) {
            byte[] message = requests.get(next).bytes();
            if (length + message.length > NetlinkBuffer.CAPACITY && length > 0) {
                break;
            }
            last = length;
            length = append(buffer, length, message, requests.get(next));
            next++;
        }
        // The kernel executes in order and reports every failure unasked, so the last answer stands for all.
        int flags = buffer.view.getShort(last + 6) | NLM_F_ACK;
        buffer.view.putShort(last + 6, (short) flags);
        send(buffer, length, requests.get(from));
        int count = next - from;
        boolean answered = false;
        while (!answered) {
            MessageReader message = new MessageReader(buffer.view, receive(buffer, requests.get(from)));
            while (message.next()) {
                int index = message.sequence() - first;
                if (message.port() != port
                        || index < 0
                        || index >= count
                        || message.type() != MessageReader.NLMSG_ERROR) {
                    continue;
                }
                int errno = AckMessage.errno(message);
                if (errno != 0) {
                    failures.add(new Failure(from + index, errno, AckMessage.explanation(message)));
                }
                answered |= index == count - 1;
            }
        }
        return next;
    }

    private int append(NetlinkBuffer buffer, int offset, byte[] message, Request request) {
        if (offset + message.length > NetlinkBuffer.CAPACITY) {
            throw new IllegalArgumentException(
                    request + ": the message has " + message.length + " bytes, more than " + NetlinkBuffer.CAPACITY);
        }
        buffer.view.put(offset, message);
        buffer.view.putInt(offset + 8, ++sequence);
        int end = offset + message.length;
        while (end % 4 != 0) {
            buffer.view.put(end++, (byte) 0);
        }
        return end;
    }

    /**
     * Does what {@link #execute} does, for requests of which it is no failure that they come too late.
     *
     * @param late the errno that says so, such as ENOENT for what is to be deleted
     * @return how many did not come too late
     * @throws NetlinkException if another one failed; all were tried
     */
    public int execute(List<Request> requests, int late) {
        int done = requests.size();
        for (Failure failure : execute(requests)) {
            if (failure.errno() != late) {
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

    /**
     * Asks for one object.
     *
     * @throws NetlinkException if there is none, ENODEV for a link
     */
    public <T> Optional<T> get(Request request, Function<MessageReader, Optional<T>> parser) {
        lock.lock();
        try {
            NetlinkBuffer buffer = buffer();
            send(buffer, append(buffer, 0, request.bytes(), request), request);
            while (true) {
                MessageReader message = new MessageReader(buffer.view, receive(buffer, request));
                while (message.next()) {
                    if (message.port() != port || message.sequence() != sequence) {
                        continue;
                    }
                    if (message.type() != MessageReader.NLMSG_ERROR) {
                        return parser.apply(message);
                    }
                    int errno = AckMessage.errno(message);
                    if (errno != 0) {
                        throw new NetlinkException(request.toString(), errno, AckMessage.explanation(message), -1);
                    }
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Lists objects, again if they changed while they were listed. */
    public <T> List<T> dump(Request request, Function<MessageReader, Optional<T>> parser) {
        lock.lock();
        try {
            for (int attempt = 0; attempt < MAX_DUMP_ATTEMPTS; attempt++) {
                List<T> objects = new ArrayList<>();
                if (dumpOnce(request, parser, objects)) {
                    return objects;
                }
            }
            throw new NetlinkException(
                    request.toString(),
                    Errno.EINTR,
                    "the list changed during each of " + MAX_DUMP_ATTEMPTS + " attempts to read it",
                    -1);
        } finally {
            lock.unlock();
        }
    }

    /** Whether the list is complete and of one moment. */
    private <T> boolean dumpOnce(Request request, Function<MessageReader, Optional<T>> parser, List<T> objects) {
        NetlinkBuffer buffer = buffer();
        send(buffer, append(buffer, 0, request.bytes(), request), request);
        boolean consistent = true;
        try {
            while (true) {
                int length = receiveOnce(buffer, 0);
                if (length == -Errno.ENOBUFS || length == -Errno.EMSGSIZE) {
                    consistent = false;
                    continue;
                }
                MessageReader message = new MessageReader(buffer.view, received(length, request));
                while (message.next()) {
                    if (message.port() != port || message.sequence() != sequence) {
                        continue;
                    }
                    consistent &= (message.flags() & NLM_F_DUMP_INTR) == 0;
                    switch (message.type()) {
                        case MessageReader.NLMSG_DONE, MessageReader.NLMSG_ERROR -> {
                            int errno = AckMessage.errno(message);
                            if (errno == Errno.EINTR || errno == Errno.ENOBUFS) {
                                return false;
                            }
                            if (errno != 0) {
                                throw new NetlinkException(
                                        request.toString(), errno, AckMessage.explanation(message), -1);
                            }
                            return consistent;
                        }
                        case MessageReader.NLMSG_OVERRUN -> consistent = false;
                        case MessageReader.NLMSG_NOOP -> {}
                        default -> {
                            if (consistent) {
                                parser.apply(message).ifPresent(objects::add);
                            }
                        }
                    }
                }
            }
        } catch (RuntimeException | Error e) {
            // The kernel starts no other dump on this socket before this one was read to its end.
            drain(buffer);
            throw e;
        }
    }

    private void drain(NetlinkBuffer buffer) {
        for (int i = 0; i < MAX_DATAGRAMS_DRAINED; i++) {
            if (receiveOnce(buffer, MSG_DONTWAIT) == -Errno.EAGAIN) {
                return;
            }
        }
    }

    /**
     * Takes one datagram of notifications, without waiting.
     *
     * @return its messages; empty if there is none
     * @throws NetlinkException ENOBUFS if notifications were lost, EMSGSIZE if one was too big
     */
    public Optional<MessageReader> notification() {
        NetlinkBuffer buffer = buffer();
        int length = receiveOnce(buffer, MSG_DONTWAIT);
        if (length == -Errno.EAGAIN) {
            return Optional.empty();
        }
        if (length < 0) {
            throw new NetlinkException("receive notifications", -length);
        }
        return Optional.of(new MessageReader(buffer.view, length));
    }

    private void send(NetlinkBuffer buffer, int length, Request first) {
        int result;
        do {
            result = Libc.send(fd, buffer.data, length);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw new NetlinkException("send: " + first, -result);
        }
    }

    private int receive(NetlinkBuffer buffer, Request request) {
        return received(receiveOnce(buffer, 0), request);
    }

    private static int received(int result, Request request) {
        if (result == -Errno.EAGAIN) {
            throw new NetlinkException(
                    request.toString(), Errno.ETIMEDOUT, "no answer within " + TIME_LIMIT_SECONDS + " s", -1);
        }
        if (result < 0) {
            throw new NetlinkException("receive the answer to: " + request, -result);
        }
        return result;
    }

    /** The length of a datagram that the kernel itself sent, or a negated error number. */
    private int receiveOnce(NetlinkBuffer buffer, int flags) {
        while (true) {
            MemorySegment length = buffer.word((int) buffer.address.byteSize());
            int result = Libc.recvfrom(fd, buffer.data, flags | MSG_TRUNC, buffer.address, length);
            boolean foreign = result >= 0 && buffer.port() != 0;
            if (result == -Errno.EINTR || foreign) {
                continue;
            }
            return result > NetlinkBuffer.CAPACITY ? -Errno.EMSGSIZE : result;
        }
    }

    private NetlinkBuffer buffer() {
        NetlinkBuffer current = buffer;
        if (current == null) {
            throw new IllegalStateException("this netlink socket was closed");
        }
        return current;
    }

    /** Waits until the current request ends, then closes; idempotent. */
    @Override
    public void close() {
        lock.lock();
        try {
            NetlinkBuffer current = buffer;
            if (current != null) {
                buffer = null;
                Libc.close(fd);
                current.release();
            }
        } finally {
            lock.unlock();
        }
    }
}
