package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.AckMessage;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.Libc;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * The netfilter socket that libnftables opened in this process. A table can belong to one socket, and libnftables can
 * only work on it if that is its own; but libnftables can't express ownership, and has no function that returns its
 * socket. So this class looks for it: it is the netfilter socket that appeared when the context was created. Used only
 * between two runs of libnftables, by one thread at a time. Each method throws {@link NetlinkException} if the kernel
 * does not answer.
 */
public final class NftablesSocket {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    /** {@code asm-generic/socket.h}. */
    private static final int SOL_SOCKET = 1;

    private static final int SO_PROTOCOL = 38;
    private static final int SO_DOMAIN = 39;

    private static final int RECEIVE_BYTES = 1 << 16;

    private final int descriptor;

    private NftablesSocket(int descriptor) {
        this.descriptor = descriptor;
    }

    /** The descriptors of this process's netfilter sockets. */
    public static Set<Integer> all() {
        Set<Integer> sockets = new HashSet<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(DESCRIPTORS)) {
            for (Path entry : descriptors) {
                int descriptor = Integer.parseInt(entry.getFileName().toString());
                if (option(descriptor, SO_DOMAIN) == AddressFamily.AF_NETLINK
                        && option(descriptor, SO_PROTOCOL) == NetlinkSocket.NETLINK_NETFILTER) {
                    sockets.add(descriptor);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sockets;
    }

    /** The socket that appeared since then; empty unless there is exactly one. */
    public static Optional<NftablesSocket> since(Set<Integer> before) {
        Set<Integer> now = all();
        now.removeAll(before);
        return now.size() == 1 ? Optional.of(new NftablesSocket(now.iterator().next())) : Optional.empty();
    }

    private static int option(int descriptor, int name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(ValueLayout.JAVA_INT);
            MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, Integer.BYTES);
            return Libc.getsockopt(descriptor, SOL_SOCKET, name, value, length) == 0
                    ? value.get(ValueLayout.JAVA_INT, 0)
                    : -1;
        }
    }

    /** Its netlink port, by which the kernel identifies a table's owner; 0 before anything was sent on it. */
    public int port() {
        return NetlinkSocket.portOf(descriptor);
    }

    /**
     * Sends a transaction in which every message asks for an acknowledgement.
     *
     * @return 0, or the errno of the first message that was refused; then nothing of the transaction is in force
     */
    public int transact(NftablesBatch batch) {
        try (Arena arena = Arena.ofConfined()) {
            send(batch, arena);
            int last = batch.lastSequence() - 1; // The end of a batch is not acknowledged.
            int refused = 0;
            MemorySegment room = arena.allocate(RECEIVE_BYTES);
            while (true) {
                MessageReader message = receive(room);
                while (message.next()) {
                    if (message.type() != MessageReader.NLMSG_ERROR) {
                        continue;
                    }
                    int errno = AckMessage.errno(message);
                    refused = refused == 0 ? errno : refused;
                    // A batch that is not begun at all has no other answers.
                    if (message.sequence() == last || (message.sequence() == 1 && errno != 0)) {
                        return refused;
                    }
                }
            }
        }
    }

    /** The table of this name of the family {@code inet}, if the kernel has it. */
    public Optional<TableStatus> table(String name) {
        try (Arena arena = Arena.ofConfined()) {
            send(
                    new NftablesBatch()
                            .begin(NftablesBatch.NFT_MSG_GETTABLE, false, false)
                            .text(NftablesBatch.NFTA_TABLE_NAME, name)
                            .end(),
                    arena);
            MessageReader message = receive(arena.allocate(RECEIVE_BYTES));
            if (!message.next()) {
                throw new NetlinkException("read the table " + name, Errno.EBADMSG);
            }
            if (message.type() != MessageReader.NLMSG_ERROR) {
                return Optional.of(read(message));
            }
            int errno = AckMessage.errno(message);
            if (errno == Errno.ENOENT) {
                return Optional.empty();
            }
            throw new NetlinkException("read the table " + name, errno);
        }
    }

    private static TableStatus read(MessageReader message) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        int flags = 0;
        int owner = 0;
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NftablesBatch.NFTA_TABLE_FLAGS -> flags = attributes.u32be();
                case NftablesBatch.NFTA_TABLE_OWNER -> owner = attributes.u32be();
                default -> {}
            }
        }
        return new TableStatus(flags, owner);
    }

    private void send(NftablesBatch messages, Arena arena) {
        byte[] bytes = messages.bytes();
        MemorySegment data = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
        int sent = Libc.send(descriptor, data, bytes.length);
        if (sent < 0) {
            throw new NetlinkException("send " + bytes.length + " bytes of nf_tables messages", -sent);
        }
    }

    private MessageReader receive(MemorySegment room) {
        int received = Libc.recvfrom(descriptor, room, 0, MemorySegment.NULL, MemorySegment.NULL);
        if (received < 0) {
            throw new NetlinkException("receive the answers to nf_tables messages", -received);
        }
        return new MessageReader(room.asByteBuffer().order(ByteOrder.nativeOrder()), received);
    }
}
