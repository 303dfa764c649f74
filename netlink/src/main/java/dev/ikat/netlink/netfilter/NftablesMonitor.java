package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.Listener;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Reports changes of nf_tables in one network namespace: when they happened and who made them, but not what changed,
 * which has to be read. Read the state after opening this, not before, so that no change is missed in between.
 *
 * <p>Any number of threads may use it, but only one may poll at a time. Waiting blocks the thread in the kernel: poll
 * from a platform thread.
 */
public final class NftablesMonitor implements AutoCloseable {
    /** {@code linux/netfilter/nfnetlink.h}. */
    private static final int NFNLGRP_NFTABLES = 7;

    /** A transaction reports each of its objects; this holds those of some 10,000 set elements. */
    private static final int RECEIVE_BUFFER = 4 * 1024 * 1024;

    /** {@code linux/netfilter/nf_tables.h}. */
    private static final int NFT_MSG_NEWGEN = 15;

    private static final int NEWGEN = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN);
    private static final int NFTA_GEN_ID = 1;
    private static final int NFTA_GEN_PROC_PID = 2;
    private static final int NFTA_GEN_PROC_NAME = 3;

    private final Listener listener;

    private NftablesMonitor(Listener listener) {
        this.listener = listener;
    }

    /** Begins to listen in the calling thread's namespace. */
    public static NftablesMonitor open() {
        return openHere(RECEIVE_BUFFER);
    }

    /** Begins to listen in another namespace. */
    static NftablesMonitor open(NetworkNamespace namespace) {
        return openWithBuffer(namespace, RECEIVE_BUFFER);
    }

    static NftablesMonitor openWithBuffer(NetworkNamespace namespace, int bytes) {
        return namespace.call(() -> openHere(bytes));
    }

    private static NftablesMonitor openHere(int receiveBuffer) {
        return new NftablesMonitor(
                Listener.open(NetlinkSocket.NETLINK_NETFILTER, receiveBuffer, socket -> socket.join(NFNLGRP_NFTABLES)));
    }

    /**
     * Waits for events at most this long, then returns all that have arrived, in order; empty if none have, or if this
     * is closed meanwhile.
     *
     * @throws IllegalStateException if this was closed before
     */
    public List<NftablesEvent> poll(Duration timeout) {
        return listener.poll(timeout, NftablesMonitor::read, NftablesEvent.Resync::new);
    }

    /** Reads NFT_MSG_NEWGEN; empty for any other message. */
    public static Optional<NftablesEvent> read(MessageReader message) {
        if (message.type() != NEWGEN) {
            return Optional.empty();
        }
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        int id = 0;
        int thread = 0;
        String program = "";
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_GEN_ID -> id = attributes.u32be();
                case NFTA_GEN_PROC_PID -> thread = attributes.u32be();
                case NFTA_GEN_PROC_NAME -> program = attributes.string();
                default -> {}
            }
        }
        return Optional.of(new NftablesEvent.Generation(id, message.port(), thread, program));
    }

    /** Ends a running {@link #poll}, then closes; idempotent. */
    @Override
    public void close() {
        listener.close();
    }
}
