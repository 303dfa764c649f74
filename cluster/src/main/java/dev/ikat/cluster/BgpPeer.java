package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * A router to which some of the nodes speak BGP (ikat.dev/v1alpha1 BgpPeer).
 *
 * @param name its name
 * @param labels its labels, by which a {@link BgpAdvertisement} selects it
 * @param nodeSelector which nodes speak to it
 * @param neighbour where it is
 * @param as its autonomous system, 1 to 4294967295
 * @param localAs the autonomous system that nodes have towards it; empty for that of the cluster
 * @param multihop over how many hops it may be reached, 1 to 255; empty if it is on a link of the node
 * @param passwordKey which password TCP-MD5 signs segments with (RFC 2385): a key of the Secret of passwords; empty for
 *     none
 * @param holdTime after which silence the session ends, in whole seconds, at least 3
 * @param bfd how BFD watches it; empty if it does not
 * @param extendedNextHop whether IPv4 routes may have IPv6 next hops (RFC 8950), for peers reached over IPv6
 * @param accept which of its routes nodes use, beside those to the pods of other nodes
 * @param reported what the API keeps of it
 */
public record BgpPeer(
        String name,
        Labels labels,
        LabelSelector nodeSelector,
        Neighbour neighbour,
        long as,
        Optional<Long> localAs,
        OptionalInt multihop,
        Optional<String> passwordKey,
        Duration holdTime,
        Optional<Bfd> bfd,
        boolean extendedNextHop,
        List<PrefixRange> accept,
        Reported reported)
        implements ClusterObject {
    /** The port of BGP (RFC 4271). */
    public static final int PORT = 179;

    /** The hold time that RFC 4271 suggests. */
    public static final Duration HOLD_TIME = Duration.ofSeconds(90);

    /** What keys of a Secret may be (apimachinery, validation.IsConfigMapKey). */
    private static final Pattern SECRET_KEY = Pattern.compile("[-._a-zA-Z0-9]{1,253}");

    private static final long MOST_AS = 0xffff_ffffL;

    public BgpPeer {
        String object = new ObjectKey(ObjectKind.BGP_PEER, "", name).toString();
        Objects.requireNonNull(labels, "labels");
        Objects.requireNonNull(nodeSelector, "nodeSelector");
        Objects.requireNonNull(neighbour, "neighbour");
        Objects.requireNonNull(bfd, "bfd");
        Objects.requireNonNull(reported, "reported");
        accept = List.copyOf(accept);
        requireAs(object, "spec.as", as);
        localAs.ifPresent(own -> requireAs(object, "spec.localAs", own));
        if (multihop.isPresent()) {
            requireRange(object, "spec.multihop", multihop.getAsInt(), 1, 255);
        }
        passwordKey.ifPresent(key -> {
            if (!SECRET_KEY.matcher(key).matches() || key.equals(".") || key.startsWith("..")) {
                throw new InvalidObjectException(
                        object,
                        "spec.passwordKey",
                        "'" + key + "' is no key of a Secret: it has to be letters, digits, '-', '_' and '.'");
            }
        });
        requireRange(object, "spec.holdTime", holdTime.toSeconds(), 3, 65_535);
        if (multihop.isPresent() && neighbour.link().isPresent()) {
            throw new InvalidObjectException(
                    object, "spec.multihop", "a peer on a link is no hop away; leave out multihop or interface");
        }
    }

    private static void requireAs(String object, String field, long as) {
        requireRange(object, field, as, 1, MOST_AS);
    }

    private static void requireRange(String object, String field, long value, long least, long most) {
        if (value < least || value > most) {
            throw new InvalidObjectException(object, field, "has to be " + least + " to " + most + ", but is " + value);
        }
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.BGP_PEER, "", name);
    }

    /**
     * Where a peer is.
     *
     * @param address its address; empty for the router at the other end of the link, whichever link-local address it
     *     has
     * @param link the node's interface on which it is, which a link-local address needs; empty for whichever leads to
     *     the address
     * @param port its TCP port
     */
    public record Neighbour(Optional<IpAddress> address, Optional<InterfaceName> link, int port) {
        public Neighbour {
            address.ifPresent(Neighbour::requireRouter);
            if (address.isEmpty() && link.isEmpty()) {
                throw new InvalidObjectException(
                        "address",
                        "is missing; give the router's address, or by interface the link at whose other end it is");
            }
            if (address.isEmpty() && port != PORT) {
                throw new InvalidObjectException(
                        "port", "a router without an address begins the session itself; leave out port");
            }
            if (address.isPresent() && address.get().isLinkLocal() && link.isEmpty()) {
                throw new InvalidObjectException(
                        "interface",
                        "is missing: " + address.get() + " is link-local, so another router on each link has it");
            }
            link.ifPresent(name -> {
                if (!name.value().chars().allMatch(Neighbour::isPlain)) {
                    throw new InvalidObjectException(
                            "interface",
                            "'" + name + "' has characters other than letters, digits, '-', '_', '.' and '@'");
                }
            });
            Names.requirePort("port", port);
        }

        /** One with an address. */
        public Neighbour(IpAddress address, Optional<InterfaceName> link, int port) {
            this(Optional.of(address), link, port);
        }

        private static void requireRouter(IpAddress address) {
            if (address.isUnspecified() || address.isLoopback() || address.isMulticast()) {
                throw new InvalidObjectException("address", "no router has the address " + address);
            }
        }

        /** The family of the addresses between which the session is. */
        public IpFamily family() {
            return address.map(IpAddress::family).orElse(IpFamily.IPV6);
        }

        /** What a person calls it. */
        public String title() {
            return address.map(IpAddress::toString)
                    .orElseGet(() ->
                            "the router on " + link.map(InterfaceName::value).orElse("a link"));
        }

        private static boolean isPlain(int c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || "-_.@".indexOf(c) >= 0;
        }
    }

    /**
     * How BFD watches a peer (RFC 5880).
     *
     * @param interval between packets in each direction, in whole milliseconds, 10 to 60000
     * @param multiplier how many missing packets mean that the peer is gone, 2 to 50
     */
    public record Bfd(Duration interval, int multiplier) {
        /** Gone within a second. */
        public static final Bfd DEFAULT = new Bfd(Duration.ofMillis(300), 3);

        public Bfd {
            if (interval.toMillis() < 10 || interval.toMillis() > 60_000) {
                throw new InvalidObjectException("interval", "has to be 10 to 60000 ms, but is " + interval.toMillis());
            }
            if (multiplier < 2 || multiplier > 50) {
                throw new InvalidObjectException("multiplier", "has to be 2 to 50, but is " + multiplier);
            }
        }
    }

    /**
     * Prefixes that a route may have.
     *
     * @param cidr a block that contains all of them
     * @param least the shortest prefix length
     * @param most the longest
     */
    public record PrefixRange(Cidr cidr, int least, int most) {
        public PrefixRange {
            if (least < cidr.prefixLength()
                    || least > most
                    || most > cidr.family().bits()) {
                throw new InvalidObjectException(
                        "minLength",
                        "prefix lengths " + least + " to " + most + " of routes in " + cidr + " have to be "
                                + cidr.prefixLength() + " to " + cidr.family().bits() + ", the smaller one first");
            }
        }

        /** Just this block. */
        public static PrefixRange of(Cidr cidr) {
            return new PrefixRange(cidr, cidr.prefixLength(), cidr.prefixLength());
        }
    }
}
