package dev.ikat.agent.policy;

import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.netfilter.NetfilterLog;
import java.time.Duration;
import java.util.List;

/** Where reports of packets come from: what of {@link NetfilterLog} its reader needs. */
interface PacketLog extends AutoCloseable {
    /** Waits for packets at most this long, then returns all there are. */
    List<LoggedPacket> poll(Duration timeout);

    /** How many were reported faster than they were read. */
    long lost();

    /** Ends a {@link #poll} under way. */
    @Override
    void close();

    /** The kernel's. */
    static PacketLog of(NetfilterLog log) {
        return new PacketLog() {
            @Override
            public List<LoggedPacket> poll(Duration timeout) {
                return log.poll(timeout);
            }

            @Override
            public long lost() {
                return log.lost();
            }

            @Override
            public void close() {
                log.close();
            }
        };
    }
}
