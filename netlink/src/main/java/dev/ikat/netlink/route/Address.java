package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceAddress;

/**
 * An IP address of a link. The methods that return a changed copy keep its creation readable: {@code Address.of(index,
 * address).flags(Address.NODAD)}.
 *
 * @param interfaceIndex the link's index
 * @param address the local address and the prefix length of its subnet
 * @param scope RT_SCOPE_*, {@code linux/rtnetlink.h}; see {@link Scope}
 * @param flags IFA_F_*, {@code linux/if_addr.h}; the kernel adds {@link #PERMANENT} itself
 * @param protocol who set it (IFA_PROTO), 0 if not known
 */
public record Address(int interfaceIndex, InterfaceAddress address, int scope, int flags, int protocol) {
    /** IFA_F_NODAD: no duplicate address detection, usable at once (IPv6). */
    public static final int NODAD = 0x02;
    /** IFA_F_DADFAILED: another host has it (IPv6). */
    public static final int DADFAILED = 0x08;
    /** IFA_F_TENTATIVE: duplicate address detection is still running (IPv6). */
    public static final int TENTATIVE = 0x40;
    /** IFA_F_PERMANENT: it does not expire. */
    public static final int PERMANENT = 0x80;
    /** IFA_F_NOPREFIXROUTE: no route to its subnet is created along with it. */
    public static final int NOPREFIXROUTE = 0x200;

    /** An address of scope universe, without flags. */
    public static Address of(int interfaceIndex, InterfaceAddress address) {
        return new Address(interfaceIndex, address, Scope.UNIVERSE, 0, 0);
    }

    /** The same with this scope. */
    public Address scope(int value) {
        return new Address(interfaceIndex, address, value, flags, protocol);
    }

    /** The same with these flags only. */
    public Address flags(int value) {
        return new Address(interfaceIndex, address, scope, value, protocol);
    }

    /** Whether all of these flags are set. */
    public boolean has(int wanted) {
        return (flags & wanted) == wanted;
    }

    @Override
    public String toString() {
        return "address " + address + " on link " + interfaceIndex;
    }
}
