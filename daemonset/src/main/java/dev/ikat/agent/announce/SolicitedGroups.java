package dev.ikat.agent.announce;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.packet.NeighbourPacket;
import java.io.IOException;
import java.net.NetworkInterface;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The multicast groups in which solicitations for this node's addresses arrive. The kernel joins them (MLD), so that
 * the network card and switches that look at memberships hand on what is sent to them. Not thread-safe.
 */
final class SolicitedGroups implements AutoCloseable {
    /** The kernel limits the memory of one socket's memberships (net.core.optmem_max). */
    private static final int GROUPS_A_SOCKET = 64;

    private final int interfaceIndex;
    private final List<DatagramChannel> channels = new ArrayList<>();
    private final Map<IpAddress, MembershipKey> joined = new HashMap<>();

    SolicitedGroups(int interfaceIndex) {
        this.interfaceIndex = interfaceIndex;
    }

    /** Joins the groups of these addresses, and leaves all others; returns why that does not work, if it does not. */
    Optional<String> keep(Collection<IpAddress> addresses) {
        Set<IpAddress> wanted = new HashSet<>();
        for (IpAddress address : addresses) {
            if (address.family() == IpFamily.IPV6) {
                wanted.add(NeighbourPacket.solicitedNode(address));
            }
        }
        joined.entrySet().removeIf(entry -> {
            boolean over = !wanted.contains(entry.getKey());
            if (over) {
                entry.getValue().drop();
            }
            return over;
        });
        wanted.removeAll(joined.keySet());
        if (wanted.isEmpty()) {
            return Optional.empty();
        }
        try {
            NetworkInterface link = NetworkInterface.getByIndex(interfaceIndex);
            if (link == null) {
                return Optional.of("the link is gone");
            }
            for (IpAddress group : wanted) {
                joined.put(group, channel().join(group.toInetAddress(), link));
            }
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("its groups of neighbour discovery can't be joined: " + e.getMessage());
        }
    }

    private DatagramChannel channel() throws IOException {
        if (joined.size() >= GROUPS_A_SOCKET * channels.size()) {
            channels.add(DatagramChannel.open(StandardProtocolFamily.INET6));
        }
        return channels.get(joined.size() % channels.size());
    }

    @Override
    public void close() {
        for (DatagramChannel channel : channels) {
            try {
                channel.close();
            } catch (IOException e) {
                // The kernel has released it all the same.
            }
        }
        joined.clear();
    }
}
