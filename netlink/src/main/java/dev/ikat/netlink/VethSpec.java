package dev.ikat.netlink;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import java.util.Optional;

/**
 * A pair of virtual Ethernet links, each receiving what the other sends. The peer can be made in another namespace
 * right away, so that it never appears in this one.
 *
 * @param name this end's name
 * @param peerName the other end's name
 * @param peerNamespace where the other end is made, this namespace if empty; must be open until the request was
 *     executed
 * @param mac this end's link-layer address, random if empty
 * @param peerMac the other end's link-layer address, random if empty
 * @param mtu of both ends, in bytes, 1500 if empty
 * @param index this end's interface index, the kernel's choice if empty; EBUSY where it is taken
 * @param peerIndex the other end's, likewise
 * @param group this end's link group, 0 if empty
 * @param gsoMaxSize the largest piece that the kernel's TCP hands to either end, in bytes; if empty the kernel's usual,
 *     64 KiB. More than that needs Linux 5.19 for IPv6 and 6.3 for IPv4, where at most 524280 are possible
 * @param queues transmit and receive queues of both ends; if empty the kernel makes one for each possible CPU
 */
public record VethSpec(
        InterfaceName name,
        InterfaceName peerName,
        Optional<NetworkNamespace> peerNamespace,
        Optional<MacAddress> mac,
        Optional<MacAddress> peerMac,
        Optional<Integer> mtu,
        Optional<Integer> index,
        Optional<Integer> peerIndex,
        Optional<Integer> group,
        Optional<Integer> gsoMaxSize,
        Optional<Integer> queues)
        implements LinkSpec {

    /** A pair in one namespace, everything else the kernel's choice. */
    public static VethSpec of(InterfaceName name, InterfaceName peerName) {
        Optional<Integer> any = Optional.empty();
        return new VethSpec(
                name, peerName, Optional.empty(), Optional.empty(), Optional.empty(), any, any, any, any, any, any);
    }

    /** The same with the peer made in this namespace. */
    public VethSpec peerNamespace(NetworkNamespace namespace) {
        return new VethSpec(
                name, peerName, Optional.of(namespace), mac, peerMac, mtu, index, peerIndex, group, gsoMaxSize, queues);
    }

    /** The same with this link-layer address. */
    public VethSpec mac(MacAddress address) {
        return new VethSpec(
                name,
                peerName,
                peerNamespace,
                Optional.of(address),
                peerMac,
                mtu,
                index,
                peerIndex,
                group,
                gsoMaxSize,
                queues);
    }

    /** The same with this link-layer address of the peer. */
    public VethSpec peerMac(MacAddress address) {
        return new VethSpec(
                name,
                peerName,
                peerNamespace,
                mac,
                Optional.of(address),
                mtu,
                index,
                peerIndex,
                group,
                gsoMaxSize,
                queues);
    }

    /** The same with this MTU at both ends, in bytes. */
    public VethSpec mtu(int bytes) {
        return new VethSpec(
                name,
                peerName,
                peerNamespace,
                mac,
                peerMac,
                Optional.of(bytes),
                index,
                peerIndex,
                group,
                gsoMaxSize,
                queues);
    }

    /** The same with this interface index. */
    public VethSpec index(int wish) {
        return new VethSpec(
                name,
                peerName,
                peerNamespace,
                mac,
                peerMac,
                mtu,
                Optional.of(wish),
                peerIndex,
                group,
                gsoMaxSize,
                queues);
    }

    /** The same with this interface index of the peer. */
    public VethSpec peerIndex(int wish) {
        return new VethSpec(
                name, peerName, peerNamespace, mac, peerMac, mtu, index, Optional.of(wish), group, gsoMaxSize, queues);
    }

    /** The same in this link group. */
    public VethSpec group(int number) {
        return new VethSpec(
                name,
                peerName,
                peerNamespace,
                mac,
                peerMac,
                mtu,
                index,
                peerIndex,
                Optional.of(number),
                gsoMaxSize,
                queues);
    }

    /** The same with pieces of at most so many bytes from the kernel's TCP at both ends. */
    public VethSpec gsoMaxSize(int bytes) {
        return new VethSpec(
                name, peerName, peerNamespace, mac, peerMac, mtu, index, peerIndex, group, Optional.of(bytes), queues);
    }

    /** The same with this many transmit and receive queues at both ends. */
    public VethSpec queues(int number) {
        return new VethSpec(
                name,
                peerName,
                peerNamespace,
                mac,
                peerMac,
                mtu,
                index,
                peerIndex,
                group,
                gsoMaxSize,
                Optional.of(number));
    }

    @Override
    public String toString() {
        return "veth " + name + mac.map(m -> " " + m).orElse("") + " with peer " + peerName
                + peerMac.map(m -> " " + m).orElse("")
                + peerNamespace.map(n -> " in " + n).orElse("");
    }
}
