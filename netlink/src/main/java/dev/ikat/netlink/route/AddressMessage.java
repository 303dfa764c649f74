package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.MalformedMessageException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.util.Optional;

/** Address messages: struct ifaddrmsg and IFA_* (linux/if_addr.h). */
public final class AddressMessage {
    static final int RTM_NEWADDR = 20;
    static final int RTM_DELADDR = 21;
    static final int RTM_GETADDR = 22;

    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_FLAGS = 8;
    private static final int IFA_TARGET_NETNSID = 10;
    private static final int IFA_PROTO = 11;

    private static final int HEADER = 8;

    private AddressMessage() {}

    static void write(MessageWriter message, Address address) {
        IpAddress local = address.address().address();
        message.bodyU8(AddressFamily.of(local.family()))
                .bodyU8(address.address().prefixLength())
                .bodyU8(address.flags() & 0xff)
                .bodyU8(address.scope())
                .bodyU32(address.interfaceIndex());
        message.address(IFA_LOCAL, local).address(IFA_ADDRESS, local);
        if (address.flags() != 0) {
            message.u32(IFA_FLAGS, address.flags());
        }
        if (address.protocol() != 0) {
            message.u8(IFA_PROTO, address.protocol());
        }
    }

    static void writeDump(MessageWriter message, int interfaceIndex) {
        message.bodyU8(AddressFamily.AF_UNSPEC).bodyU8(0).bodyU8(0).bodyU8(0).bodyU32(interfaceIndex);
    }

    static void writeDump(MessageWriter message, int interfaceIndex, int namespaceId) {
        writeDump(message, interfaceIndex);
        message.u32(IFA_TARGET_NETNSID, namespaceId);
    }

    /** Reads RTM_NEWADDR or RTM_DELADDR; empty if the family is not IP. */
    public static Optional<Address> read(MessageReader message) {
        message.requireBody("ifaddrmsg", HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        if (family == null) {
            return Optional.empty();
        }
        IpAddress prefix = null;
        IpAddress local = null;
        int flags = message.bodyU8(2);
        int protocol = 0;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case IFA_ADDRESS -> prefix = attributes.address(family);
                case IFA_LOCAL -> local = attributes.address(family);
                case IFA_FLAGS -> flags = attributes.u32();
                case IFA_PROTO -> protocol = attributes.u8();
                default -> {}
            }
        }
        // On a point-to-point link IFA_ADDRESS is the other end's; IPv6 leaves IFA_LOCAL out where there is none.
        IpAddress own = local != null ? local : prefix;
        int prefixLength = message.bodyU8(1);
        if (own == null || prefixLength > family.bits()) {
            throw new MalformedMessageException(
                    "an address without IFA_LOCAL and IFA_ADDRESS, or with the prefix length " + prefixLength);
        }
        return Optional.of(new Address(
                message.bodyU32(4), new InterfaceAddress(own, prefixLength), message.bodyU8(3), flags, protocol));
    }
}
