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
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

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
    private static final int SO_PROTOCOL = 38;

    private static final int SO_DOMAIN = 39;

    private static final int SO_SNDBUFFORCE = 32;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int MSG_DONTWAIT = 0x40;

    /** A refusal repeats the message, whose longest attribute has 64 KiB. */
    private static final int RECEIVE_BYTES = 1 << 17;

    /** What a socket sends at once by default is 208 KiB (net.core.wmem_default). */
    private static final int USUAL_BYTES = 100_000;

    private static final int MAX_DUMP_ATTEMPTS = 10;

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
            return Libc.getsockopt(descriptor, Libc.SOL_SOCKET, name, value, length) == 0
                    ? value.get(ValueLayout.JAVA_INT, 0)
                    : -1;
        }
    }

    /** Its netlink port, by which the kernel identifies a table's owner; 0 before anything was sent on it. */
    public int port() {
        return NetlinkSocket.portOf(descriptor);
    }

    /**
     * Sends a transaction in which every message, or the last alone, asks for an acknowledgement.
     *
     * @return 0, or the errno of the first message that was refused; then nothing of the transaction is in force
     */
    public int transact(NftablesBatch batch) {
        try (Arena arena = Arena.ofConfined()) {
            drain(arena);
            if (batch.size() > USUAL_BYTES) {
                // Twice, because the kernel counts its own overhead.
                buffer(SO_SNDBUFFORCE, 2 * batch.size(), arena);
                buffer(SO_RCVBUFFORCE, 2 * batch.size(), arena);
            }
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

    /** Answers to an earlier transaction that nobody waited for would be taken for answers to this one. */
    private void drain(Arena arena) {
        MemorySegment room = arena.allocate(RECEIVE_BYTES);
        while (Libc.recvfrom(descriptor, room, MSG_DONTWAIT, MemorySegment.NULL, MemorySegment.NULL) >= 0) {
            // Thrown away.
        }
    }

    private void buffer(int option, int bytes, Arena arena) {
        int refused =
                Libc.setsockopt(descriptor, Libc.SOL_SOCKET, option, arena.allocateFrom(ValueLayout.JAVA_INT, bytes));
        if (refused < 0) {
            throw new NetlinkException("enlarge the buffers of the nf_tables socket to " + bytes + " bytes", -refused);
        }
    }

    /** The names of the chains of a table of the family {@code inet}. */
    public List<String> chains(String table) {
        return dump(
                new NftablesBatch()
                        .beginDump(RulesetMessage.NFT_MSG_GETCHAIN)
                        .text(RulesetMessage.NFTA_CHAIN_TABLE, table)
                        .end(),
                message -> TableContent.chain(message, table));
    }

    /** The rules of a table of the family {@code inet}. */
    public List<TableContent.Rule> rules(String table) {
        return dump(
                new NftablesBatch()
                        .beginDump(RulesetMessage.NFT_MSG_GETRULE)
                        .text(RulesetMessage.NFTA_RULE_TABLE, table)
                        .end(),
                message -> TableContent.rule(message, table));
    }

    /** The names of the sets and maps of a table of the family {@code inet}. */
    public List<String> sets(String table) {
        return dump(
                new NftablesBatch()
                        .beginDump(TableContent.NFT_MSG_GETSET)
                        .text(TableContent.NFTA_SET_TABLE, table)
                        .end(),
                message -> TableContent.set(message, table));
    }

    /** The elements of a set or map of a table of the family {@code inet}. */
    public List<TableContent.SetEntry> elements(String table, String set) {
        return elements(table, set, TableContent::entries);
    }

    /** The elements of a set of a table of the family {@code inet} that end by themselves. */
    public List<TableContent.TimedEntry> timedElements(String table, String set) {
        return elements(table, set, TableContent::timedEntries);
    }

    private <T> List<T> elements(String table, String set, Function<MessageReader, Optional<List<T>>> parser) {
        List<List<T>> parts = dump(
                new NftablesBatch()
                        .beginDump(RulesetMessage.NFT_MSG_GETSETELEM)
                        .text(RulesetMessage.NFTA_SET_ELEM_LIST_TABLE, table)
                        .text(RulesetMessage.NFTA_SET_ELEM_LIST_SET, set)
                        .end(),
                parser);
        return parts.stream().flatMap(List::stream).toList();
    }

    private <T> List<T> dump(NftablesBatch request, Function<MessageReader, Optional<T>> parser) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment room = arena.allocate(RECEIVE_BYTES);
            for (int attempt = 0; attempt < MAX_DUMP_ATTEMPTS; attempt++) {
                drain(arena);
                send(request, arena);
                List<T> objects = new ArrayList<>();
                if (dumped(room, parser, objects)) {
                    return objects;
                }
            }
            throw new NetlinkException("list objects of nf_tables", Errno.EINTR);
        }
    }

    /** Whether the list is of one moment. */
    private <T> boolean dumped(MemorySegment room, Function<MessageReader, Optional<T>> parser, List<T> objects) {
        boolean consistent = true;
        while (true) {
            MessageReader message = receive(room);
            while (message.next()) {
                consistent &= !message.isInterrupted();
                if (message.type() == MessageReader.NLMSG_DONE || message.type() == MessageReader.NLMSG_ERROR) {
                    int errno = AckMessage.errno(message);
                    if (errno != 0 && errno != Errno.EINTR) {
                        throw new NetlinkException("list objects of nf_tables", errno);
                    }
                    return consistent && errno == 0;
                }
                parser.apply(message).ifPresent(objects::add);
            }
        }
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
