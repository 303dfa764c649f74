package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A veth pair: two virtual Ethernet links, each of which receives what the other sends. The peer can be created in
 * another namespace directly, so that it never appears in this one.
 *
 * @param name this end's name
 * @param peerName the other end's name
 * @param peerNamespace where the other end is created, this namespace if empty; must stay open until the request was
 *     executed
 * @param mac this end's link-layer address, random if empty
 * @param peerMac the other end's link-layer address, random if empty
 * @param mtu of both ends, in bytes, 1500 if empty
 * @param index this end's interface index, the kernel's choice if empty; EEXIST if it is taken
 * @param peerIndex the other end's, which counts only beside {@code index}; EBUSY where it is taken
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
        return with(parts -> parts.peerNamespace = Optional.of(namespace));
    }

    /** The same with this link-layer address. */
    public VethSpec mac(MacAddress address) {
        return with(parts -> parts.mac = Optional.of(address));
    }

    /** The same with this link-layer address of the peer. */
    public VethSpec peerMac(MacAddress address) {
        return with(parts -> parts.peerMac = Optional.of(address));
    }

    /** The same with this MTU at both ends, in bytes. */
    public VethSpec mtu(int bytes) {
        return with(parts -> parts.mtu = Optional.of(bytes));
    }

    /** The same with this interface index. */
    public VethSpec index(int wish) {
        return with(parts -> parts.index = Optional.of(wish));
    }

    /** The same with this interface index of the peer. */
    public VethSpec peerIndex(int wish) {
        return with(parts -> parts.peerIndex = Optional.of(wish));
    }

    /** The same in this link group. */
    public VethSpec group(int number) {
        return with(parts -> parts.group = Optional.of(number));
    }

    /** The same with segments of at most this many bytes from the kernel's TCP at both ends. */
    public VethSpec gsoMaxSize(int bytes) {
        return with(parts -> parts.gsoMaxSize = Optional.of(bytes));
    }

    /** The same with this many transmit and receive queues at both ends. */
    public VethSpec queues(int number) {
        return with(parts -> parts.queues = Optional.of(number));
    }

    private VethSpec with(Consumer<Parts> change) {
        Parts parts = new Parts();
        change.accept(parts);
        return parts.pair();
    }

    /** What may be another in the copy; the names stay. */
    private final class Parts {
        Optional<NetworkNamespace> peerNamespace = VethSpec.this.peerNamespace;
        Optional<MacAddress> mac = VethSpec.this.mac;
        Optional<MacAddress> peerMac = VethSpec.this.peerMac;
        Optional<Integer> mtu = VethSpec.this.mtu;
        Optional<Integer> index = VethSpec.this.index;
        Optional<Integer> peerIndex = VethSpec.this.peerIndex;
        Optional<Integer> group = VethSpec.this.group;
        Optional<Integer> gsoMaxSize = VethSpec.this.gsoMaxSize;
        Optional<Integer> queues = VethSpec.this.queues;

        VethSpec pair() {
            return new VethSpec(
                    name, peerName, peerNamespace, mac, peerMac, mtu, index, peerIndex, group, gsoMaxSize, queues);
        }
    }

    @Override
    public String toString() {
        return "veth " + name + mac.map(m -> " " + m).orElse("") + " with peer " + peerName
                + peerMac.map(m -> " " + m).orElse("")
                + peerNamespace.map(n -> " in " + n).orElse("");
    }
}
