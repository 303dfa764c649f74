package dev.ikat.bgp;

import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A session with one neighbour.
 *
 * @param name which one it is, unique on the node
 * @param peer who the neighbour is
 * @param neighbour where it is
 * @param local this node's address towards it; empty for whichever leads to it
 * @param localAs the autonomous system that this node has towards it
 * @param as its autonomous system
 * @param hops over how many hops it may be reached; empty if it is on a link of the node
 * @param families the families of the routes that are exchanged, at least one
 * @param extendedNextHop whether IPv4 routes have IPv6 next hops (RFC 8950)
 * @param password what segments are signed with; empty if they are not
 * @param holdTime after which silence it ends
 * @param bfd how BFD watches the neighbour; empty if it does not
 * @param reflection whether this node hands on to it what it hears from other nodes
 * @param imports which of its routes are used
 * @param exports what is announced to it, as far as it is of these families; each group of routes once
 */
public record Session(
        Name name,
        Peer peer,
        Neighbour neighbour,
        Optional<IpAddress> local,
        long localAs,
        long as,
        OptionalInt hops,
        Set<IpFamily> families,
        boolean extendedNextHop,
        Optional<Password> password,
        Duration holdTime,
        Optional<Bfd> bfd,
        Reflection reflection,
        List<PrefixRange> imports,
        List<Export> exports) {
    public Session {
        families = Collections.unmodifiableSet(EnumSet.copyOf(families));
        imports = List.copyOf(imports);
        exports = List.copyOf(exports);
        if (hops.isPresent() && bfd.isPresent() && local.isEmpty()) {
            throw new IllegalArgumentException("BFD over hops, but from no address");
        }
        boolean foreign = families.size() > 1 || !families.contains(neighbour.family());
        if (foreign && !(extendedNextHop && neighbour.family() == IpFamily.IPV6)) {
            throw new IllegalArgumentException("routes of " + families + " with next hops of " + neighbour.family());
        }
    }

    /** Who a neighbour is. */
    public sealed interface Peer {
        /**
         * Another node of the cluster.
         *
         * @param name its name
         */
        record OtherNode(String name) implements Peer {}

        /**
         * A router outside of the cluster, or whatever else a BgpPeer names.
         *
         * @param name the object's name
         */
        record Router(String name) implements Peer {}
    }

    /** What becomes of routes that this node hears from other nodes (RFC 4456). */
    public enum Reflection {
        /** They are not handed on. */
        NONE,
        /** This node is a reflector, and the neighbour another one. */
        REFLECTOR,
        /** This node is a reflector, and the neighbour its client. */
        CLIENT
    }

    /**
     * The name of a session, of lower case letters, digits, '-', '.' and ':', at most {@value #MOST} of them.
     *
     * @param text the name
     */
    public record Name(String text) {
        /** What a symbol of BIRD can have, less a few. */
        static final int MOST = 60;

        private static final String OF_NODES = "node-";
        private static final int DIGEST = 9;

        public Name {
            boolean plain = text.chars()
                    .allMatch(c -> (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || "-.:".indexOf(c) >= 0);
            if (text.isEmpty() || text.length() > MOST || !plain) {
                throw new IllegalArgumentException("invalid name of a session '" + text + "'");
            }
        }

        /** What the names of sessions with other nodes begin with, and no others. */
        public static String ofNodes() {
            return OF_NODES;
        }

        static Name of(Peer peer, IpFamily transport) {
            return switch (peer) {
                // No name of a node has a colon.
                case Peer.OtherNode(String name) -> shortened(OF_NODES + name, transport == IpFamily.IPV6 ? ":v6" : "");
                case Peer.Router(String name) -> shortened("peer-" + name, "");
            };
        }

        private static Name shortened(String whole, String end) {
            int room = MOST - end.length();
            if (whole.length() <= room) {
                return new Name(whole + end);
            }
            String digest = "-%08x".formatted(Fingerprint.of(whole));
            return new Name(whole.substring(0, room - DIGEST) + digest + end);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
