package dev.ikat.netlink.route;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import java.util.Optional;

/** Netconf messages: struct netconfmsg and NETCONFA_* ({@code linux/netconf.h}). */
public final class NetconfMessage {
    static final int RTM_NEWNETCONF = 80;
    static final int RTM_DELNETCONF = 81;

    private static final int NETCONFA_IFINDEX = 1;
    private static final int NETCONFA_FORWARDING = 2;
    private static final int NETCONFA_RP_FILTER = 3;
    private static final int NETCONFA_PROXY_NEIGH = 5;

    /** One byte, the family; the attributes begin at the next multiple of four. */
    private static final int HEADER = 4;

    private NetconfMessage() {}

    /** Reads RTM_NEWNETCONF or RTM_DELNETCONF; empty for another family (MPLS, multicast routing). */
    public static Optional<Netconf> read(MessageReader message) {
        message.requireBody("netconfmsg", HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        if (family == null) {
            return Optional.empty();
        }
        int index = 0;
        Integer forwarding = null;
        Integer reversePathFilter = null;
        Integer proxy = null;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NETCONFA_IFINDEX -> index = attributes.u32();
                case NETCONFA_FORWARDING -> forwarding = attributes.u32();
                case NETCONFA_RP_FILTER -> reversePathFilter = attributes.u32();
                case NETCONFA_PROXY_NEIGH -> proxy = attributes.u32();
                default -> {}
            }
        }
        return Optional.of(new Netconf(
                family,
                index,
                Optional.ofNullable(forwarding).map(value -> value != 0),
                Optional.ofNullable(reversePathFilter),
                Optional.ofNullable(proxy).map(value -> value != 0)));
    }
}
