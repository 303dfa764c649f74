package dev.ikat.nftables;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import jnr.ffi.LibraryLoader;

/**
 * The netlink socket of a libnftables context. A table can belong to one socket, and libnftables can only work on it if
 * that is its own; but it has no words for all of this, nor a function that tells its socket. So it is found: it is the
 * netfilter socket that the process has since the context was made. Used only between two runs of libnftables.
 */
final class NetfilterSocket {
    private static final LibC LIBC = LibraryLoader.create(LibC.class).load("c");
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
    private static final int SOCKADDR_NL = 12;
    private static final int NL_PID = 4;
    private static final int RECEIVE_BYTES = 1 << 16;

    private final int descriptor;

    private NetfilterSocket(int descriptor) {
        this.descriptor = descriptor;
    }

    /** This process's netfilter sockets. */
    static Set<Integer> all() {
        Set<Integer> sockets = new HashSet<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(DESCRIPTORS)) {
            for (Path entry : descriptors) {
                int descriptor = Integer.parseInt(entry.getFileName().toString());
                if (option(descriptor, LibC.SO_DOMAIN) == LibC.AF_NETLINK
                        && option(descriptor, LibC.SO_PROTOCOL) == LibC.NETLINK_NETFILTER) {
                    sockets.add(descriptor);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sockets;
    }

    /** The one that came since; empty if there is not just one. */
    static Optional<NetfilterSocket> since(Set<Integer> before) {
        Set<Integer> now = all();
        now.removeAll(before);
        return now.size() == 1 ? Optional.of(new NetfilterSocket(now.iterator().next())) : Optional.empty();
    }

    private static int option(int descriptor, int name) {
        int[] value = new int[1];
        return LIBC.getsockopt(descriptor, LibC.SOL_SOCKET, name, value, new int[] {Integer.BYTES}) == 0
                ? value[0]
                : -1;
    }

    /** Its netlink port, by which the kernel tells tables' owners apart; 0 before anything was sent on it. */
    int port() {
        byte[] address = new byte[SOCKADDR_NL];
        if (LIBC.getsockname(descriptor, address, new int[] {SOCKADDR_NL}) != 0) {
            throw new NftablesException("libnftables has closed its socket");
        }
        return ByteBuffer.wrap(address).order(ByteOrder.nativeOrder()).getInt(NL_PID);
    }

    /**
     * Sends a transaction whose messages all ask for an acknowledgement.
     *
     * @return 0, or the errno of the first message that was refused; nothing of the transaction is then in force
     */
    int transact(NetfilterMessage batch) {
        send(batch);
        int last = batch.lastSequence() - 1; // The end of a batch is not acknowledged.
        int refused = 0;
        byte[] bytes = new byte[RECEIVE_BYTES];
        while (true) {
            ByteBuffer answer = receive(bytes);
            while (answer.remaining() >= NetfilterMessage.NLMSG_HEADER + Integer.BYTES) {
                int start = answer.position();
                int length = checkedLength(answer);
                if (answer.getShort(start + 4) == NetfilterMessage.NLMSG_ERROR) {
                    int error = -answer.getInt(start + NetfilterMessage.NLMSG_HEADER);
                    int sequence = answer.getInt(start + 8);
                    refused = refused == 0 ? error : refused;
                    // A batch that is not begun at all has no other answers.
                    if (sequence == last || (sequence == 1 && error != 0)) {
                        return refused;
                    }
                }
                skip(answer, start, length);
            }
        }
    }

    /** The kernel's table of this name, of the family {@code inet}. */
    Optional<TableStatus> table(String name) {
        send(new NetfilterMessage()
                .begin(NetfilterMessage.NFT_MSG_GETTABLE, 0)
                .text(NetfilterMessage.NFTA_TABLE_NAME, name)
                .end());
        ByteBuffer answer = receive(new byte[RECEIVE_BYTES]);
        int length = checkedLength(answer);
        if (answer.getShort(4) == NetfilterMessage.NLMSG_ERROR) {
            int error = -answer.getInt(NetfilterMessage.NLMSG_HEADER);
            if (error == Errors.ENOENT) {
                return Optional.empty();
            }
            throw new NftablesException("the kernel does not tell the table " + name + ": " + Errors.name(error));
        }
        int flags = 0;
        int owner = 0;
        answer.limit(length).position(NetfilterMessage.NLMSG_HEADER + NetfilterMessage.NFGENMSG);
        while (answer.remaining() >= 4) {
            int start = answer.position();
            int size = Short.toUnsignedInt(answer.getShort(start));
            int type = answer.getShort(start + 2) & 0x3fff;
            if (size < 4 || size > answer.remaining()) {
                throw new NftablesException("the kernel's answer about the table " + name + " can't be read");
            }
            if (size == 8 && type == NetfilterMessage.NFTA_TABLE_FLAGS) {
                flags = Integer.reverseBytes(answer.getInt(start + 4));
            } else if (size == 8 && type == NetfilterMessage.NFTA_TABLE_OWNER) {
                owner = Integer.reverseBytes(answer.getInt(start + 4));
            }
            skip(answer, start, size);
        }
        return Optional.of(new TableStatus(flags, owner));
    }

    private static int checkedLength(ByteBuffer answer) {
        int length = answer.remaining() < NetfilterMessage.NLMSG_HEADER + Integer.BYTES
                ? -1
                : answer.getInt(answer.position());
        if (length < NetfilterMessage.NLMSG_HEADER + Integer.BYTES || length > answer.remaining()) {
            throw new NftablesException("the kernel's answer is cut off");
        }
        return length;
    }

    private static void skip(ByteBuffer buffer, int start, int length) {
        buffer.position(Math.min(buffer.limit(), start + (length + 3 & ~3)));
    }

    private void send(NetfilterMessage messages) {
        byte[] bytes = messages.bytes();
        long sent = LIBC.send(descriptor, bytes, bytes.length, 0);
        if (sent != bytes.length) {
            throw new NftablesException("the kernel does not take " + bytes.length + " bytes of nf_tables messages");
        }
    }

    private ByteBuffer receive(byte[] room) {
        long received = LIBC.recv(descriptor, room, room.length, 0);
        if (received < 0) {
            throw new NftablesException("the kernel's answers to nf_tables messages were lost");
        }
        return ByteBuffer.wrap(room, 0, (int) received).order(ByteOrder.nativeOrder());
    }
}
