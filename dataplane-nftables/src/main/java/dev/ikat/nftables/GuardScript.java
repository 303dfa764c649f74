package dev.ikat.nftables;

import dev.ikat.dataplane.DropCause;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A {@link GuardState} in nftables' language.
 *
 * <p>Every packet that comes in meets {@code guard-sources}, once its destination is translated and before its way is
 * looked up: one chain, as each hook costs every packet. A comparison of the interface's name tells what pods and the
 * tunnel send from all else. A pod's source has to be routed back to where the packet came from; what the tunnel brings
 * has none of this node's own. Of all else one look-up says whether its source is a pod's or this node's.
 *
 * <p>What goes to the tunnels' port of a node is none of a pod's. With Ikat's network identifier it comes from a node,
 * and what is within is from that node's pods, or from none. What can't be read, because a packet is too short, counts
 * as Ikat's.
 */
final class GuardScript {
    /** What the names of all chains, sets and maps of the guard begin with. */
    private static final String PREFIX = Owner.GUARD.prefix();

    private static final String SOURCES = PREFIX + "sources";
    private static final String OURS = PREFIX + "ours";
    private static final String ROUTED = PREFIX + "routed";
    private static final String OVERLAY = PREFIX + "overlay";
    private static final String ELSEWHERE = PREFIX + "elsewhere";
    private static final String UPLINK = PREFIX + "uplink";
    private static final String TUNNELLED = PREFIX + "tunnelled";
    private static final String TUNNEL = PREFIX + "tunnel";
    private static final String STRANGE = PREFIX + "strange";
    private static final String INTO_TUNNEL = PREFIX + "into-tunnel";
    private static final String WHOLE = PREFIX + "whole";
    private static final String DROP_FORGED = PREFIX + "drop-forged";
    private static final String DROP_BLOCK = PREFIX + "drop-block";
    private static final String DROP_POD = PREFIX + "drop-pod";
    private static final String DROP_STRANGER = PREFIX + "drop-stranger";

    private static final String BLOCKS = PREFIX + "blocks";
    private static final String PEERS = PREFIX + "peers";
    private static final String NODES = PREFIX + "nodes";
    private static final String OWNERS = PREFIX + "owners";
    private static final String INNER = PREFIX + "inner";

    /** Right after NF_IP_PRI_NAT_DST (linux/netfilter_ipv4.h), where all translation of destinations is done. */
    private static final int AFTER_TRANSLATION = -99;

    /** Of pods and of the tunnel device, whose names begin alike. */
    private static final String FROM_OURS = "iifname \"" + LinkNames.POD_PREFIX + "*\"";

    /** The source's way is where the packet came from: the kernel's reverse path filter, strict. */
    private static final String ROUTED_BACK = "fib saddr . iif oif exists";

    /** Instead of a length in bits. */
    private static final int RANGES = 0;

    private static final String FROM_TUNNEL = "iifname \"" + LinkNames.OVERLAY + "*\"";
    /** The network identifier in a VXLAN header (RFC 7348, section 5), after UDP's. */
    private static final String VNI = "@th,96,24";
    /** The type of the frame within. */
    private static final String INNER_TYPE = "@th,224,16";
    /** EtherTypes of ARP and of IP, which alone nodes send each other. */
    private static final String ARP = "0x0806";

    private final Script script;
    private final GuardState state;
    private final OptionalInt logGroup;

    /** @param logGroup the NFLOG group that is told of drops; empty for none */
    GuardScript(Script script, GuardState state, OptionalInt logGroup) {
        this.script = script;
        this.state = state;
        this.logGroup = logGroup;
    }

    /** Adds everything; nothing of it is there yet. */
    void write() {
        drop(DROP_FORGED, DropCause.SPOOFED.prefix(), "a pod sends from its own addresses");
        drop(DROP_BLOCK, DropCause.SPOOFED_BLOCK.prefix(), "this source does not come this way");
        sources();
        state.tunnel().ifPresent(this::tunnel);
        entry();
    }

    private void drop(String chain, String prefix, String comment) {
        script.addChain(chain);
        script.addDrop(chain, "", prefix, logGroup, comment);
    }

    private void sources() {
        script.addChain(OVERLAY);
        for (IpFamily family : IpFamily.values()) {
            for (Cidr own : cover(state.own(family))) {
                script.addRule(OVERLAY, saddr(family) + " " + own + " goto " + DROP_BLOCK);
            }
        }
        script.addChain(ROUTED);
        script.addRule(ROUTED, FROM_TUNNEL + " goto " + OVERLAY);
        script.addRule(ROUTED, ROUTED_BACK + " accept");
        // Neighbour discovery and group membership have these sources, and nothing else does.
        script.addRule(ROUTED, "meta l4proto ipv6-icmp ip6 saddr fe80::/10 accept");
        script.addRule(ROUTED, "meta l4proto ipv6-icmp ip6 saddr :: accept");
        script.addRule(ROUTED, "goto " + DROP_FORGED);
        script.addChain(UPLINK);
        script.addRule(UPLINK, "iifname \"" + state.uplink() + "\" accept");
        script.addRule(UPLINK, "goto " + DROP_BLOCK);
        script.addChain(TUNNELLED);
        for (IpFamily family : IpFamily.values()) {
            for (Cidr pods : state.masqueraded() ? List.<Cidr>of() : cover(state.pods(family))) {
                script.addRule(TUNNELLED, daddr(family) + " " + pods + " goto " + DROP_BLOCK);
            }
        }
        script.addRule(TUNNELLED, state.masqueraded() ? "goto " + DROP_BLOCK : "accept");
        script.addChain(ELSEWHERE);
        script.addRule(ELSEWHERE, "iifname \"lo\" accept");
        for (IpFamily family : IpFamily.values()) {
            String map = Element.setName(BLOCKS, family);
            script.addVerdictMap(map, PolicyScript.addressType(family), "flags interval; ");
            List<String> ways = new ArrayList<>();
            ways.addAll(ways(state.own(family), DROP_BLOCK));
            ways.addAll(ways(state.direct(family), UPLINK));
            ways.addAll(ways(state.tunnelled(family), TUNNELLED));
            script.addRanges(map, ways);
            script.addRule(ELSEWHERE, saddr(family) + " vmap @" + map);
        }
    }

    /** The chain that all packets meet; all others are there. */
    private void entry() {
        script.addChain(OURS);
        state.tunnel().ifPresent(tunnel -> script.addRule(OURS, toPort(tunnel) + " goto " + INTO_TUNNEL));
        script.addRule(OURS, "goto " + ROUTED);
        script.addBaseChain(SOURCES, "filter", "prerouting", AFTER_TRANSLATION);
        // What is not for a tunnel's port is decided by these: each goto would cost more than the comparison saves.
        script.addRule(SOURCES, FROM_TUNNEL + " meta l4proto != udp goto " + OVERLAY);
        script.addRule(SOURCES, FROM_OURS + " meta l4proto != udp " + ROUTED_BACK + " accept");
        script.addRule(SOURCES, FROM_OURS + " goto " + OURS);
        state.tunnel().ifPresent(tunnel -> script.addRule(SOURCES, toPort(tunnel) + " goto " + TUNNEL));
        script.addRule(SOURCES, "goto " + ELSEWHERE);
    }

    private static String toPort(GuardState.Tunnel tunnel) {
        return "udp dport " + tunnel.port();
    }

    private static List<String> ways(Set<Cidr> blocks, String chain) {
        return cover(blocks).stream().map(block -> block + " : goto " + chain).toList();
    }

    private static List<Cidr> cover(Set<Cidr> blocks) {
        List<Cidr> cover = new ArrayList<>();
        for (IpFamily family : IpFamily.values()) {
            cover.addAll(MasqueradeState.cover(blocks, family));
        }
        return cover;
    }

    private void tunnel(GuardState.Tunnel tunnel) {
        // Nobody goes there. But where rules speak of connections the kernel tracks them, and so puts fragments
        // together first: a port in the second fragment would be seen by nobody else.
        script.addChain(WHOLE);
        script.addRule(WHOLE, "ct state new");
        drop(DROP_POD, DropCause.TUNNEL_FROM_POD.prefix(), "a pod sends nothing to the nodes' tunnels");
        drop(DROP_STRANGER, DropCause.TUNNEL_FROM_STRANGER.prefix(), "only nodes send into the nodes' tunnels");
        for (IpFamily family : IpFamily.values()) {
            addresses(PEERS, "where tunnels come from", family, state.peerAddresses(family));
            addresses(NODES, "where tunnels end", family, state.nodeAddresses(family));
        }
        fromElsewhere(tunnel);
        fromOurs(tunnel);
    }

    private void addresses(String role, String meaning, IpFamily family, Set<IpAddress> addresses) {
        String name = Element.setName(role, family);
        script.addSet(name, PolicyScript.addressType(family), "", meaning);
        script.addRanges(name, texts(addresses));
    }

    private static List<String> texts(Collection<?> values) {
        return values.stream().map(Object::toString).sorted().toList();
    }

    /** A block as nftables takes it where it knows of a field no more than its length. */
    private static String number(Cidr block) {
        String first = hexadecimal(block.first());
        String last = hexadecimal(block.last());
        return first.equals(last) ? first : first + "-" + last;
    }

    /** The bits that all addresses of a block begin with, which are whole bytes. */
    private static String prefix(Cidr block) {
        return "0x" + HexFormat.of().formatHex(block.network().toBytes(), 0, block.prefixLength() / Byte.SIZE);
    }

    private static String hexadecimal(IpAddress address) {
        return "0x" + HexFormat.of().formatHex(address.toBytes());
    }

    private static String saddr(IpFamily family) {
        return PolicyScript.protocol(family) + " saddr";
    }

    private static String daddr(IpFamily family) {
        return PolicyScript.protocol(family) + " daddr";
    }

    /** So many bits of the source in the IP header that follows UDP's, VXLAN's and Ethernet's. */
    private static String innerSource(IpFamily family, int bits) {
        int begin = switch (family) {
            case IPV4 -> 336;
            case IPV6 -> 304;
        };
        return "@th," + begin + "," + bits;
    }

    private static String ofType(IpFamily within) {
        return INNER_TYPE + " " + etherType(within);
    }

    private static String etherType(IpFamily family) {
        return switch (family) {
            case IPV4 -> "0x0800";
            case IPV6 -> "0x86dd";
        };
    }

    /** What comes by no link of a pod's and not in the tunnel. */
    private void fromElsewhere(GuardState.Tunnel tunnel) {
        script.addChain(STRANGE);
        script.addChain(TUNNEL);
        script.addRule(TUNNEL, VNI + " != " + tunnel.vni() + " goto " + ELSEWHERE);
        // A node's own packets are for the other from the start; a pod's may be sent there by a service.
        script.addRule(TUNNEL, "ct status dnat goto " + STRANGE);
        for (IpFamily within : IpFamily.values()) {
            for (IpFamily outer : IpFamily.values()) {
                owners(outer, within);
            }
        }
        script.addRule(TUNNEL, "goto " + STRANGE);

        elsewhereUnlessToNode(STRANGE, ELSEWHERE);
        script.addRule(STRANGE, "ct status dnat goto " + DROP_STRANGER);
        for (IpFamily outer : IpFamily.values()) {
            script.addRule(STRANGE, saddr(outer) + " != @" + Element.setName(PEERS, outer) + " goto " + DROP_STRANGER);
        }
        for (IpFamily within : IpFamily.values()) {
            Set<Cidr> all = new HashSet<>(state.own(within));
            all.addAll(state.direct(within));
            all.addAll(state.tunnelled(within));
            String name = Element.setName(INNER, within);
            script.addSetOf(
                    name, innerSource(within, within.bits()), "flags interval; ", "sources that are some node's");
            script.addRanges(name, cover(all).stream().map(GuardScript::number).toList());
            script.addRule(
                    STRANGE,
                    "%s %s @%s goto %s"
                            .formatted(ofType(within), innerSource(within, within.bits()), name, DROP_BLOCK));
        }
        // Where a tag hides the source from this, it need not from the receiver.
        script.addRule(
                STRANGE,
                "%s != { %s, %s, %s } goto %s"
                        .formatted(INNER_TYPE, ARP, etherType(IpFamily.IPV4), etherType(IpFamily.IPV6), DROP_BLOCK));
        script.addRule(STRANGE, "goto " + ELSEWHERE);
    }

    /**
     * Lets a node's own pods send in its packets. Each length that blocks have gets a set of its own: looking whole
     * bytes up costs a fraction of what ranges do, which only blocks of other lengths take.
     */
    private void owners(IpFamily outer, IpFamily within) {
        Map<Integer, Set<String>> byLength = new TreeMap<>();
        for (GuardState.Peer peer : state.peers()) {
            for (Cidr block : peer.blocks()) {
                for (IpAddress address : peer.addresses()) {
                    if (address.family() == outer && block.family() == within) {
                        boolean wholeBytes = block.prefixLength() % Byte.SIZE == 0 && block.prefixLength() > 0;
                        byLength.computeIfAbsent(wholeBytes ? block.prefixLength() : RANGES, _ -> new TreeSet<>())
                                .add(address + " . " + (wholeBytes ? prefix(block) : number(block)));
                    }
                }
            }
        }
        byLength.forEach((length, owners) -> {
            boolean ranges = length == RANGES;
            String name = Element.setName(Element.setName(OWNERS, outer), within) + (ranges ? "_ranges" : "_" + length);
            String fields = saddr(outer) + " . " + innerSource(within, ranges ? within.bits() : length);
            script.addSetOf(name, fields, ranges ? "flags interval; " : "", "a node, and a source of its pods");
            script.addRanges(name, List.copyOf(owners));
            script.addRule(TUNNEL, ofType(within) + " " + fields + " @" + name + " accept");
        });
    }

    /** What comes by a pod's link, or in the tunnel itself. */
    private void fromOurs(GuardState.Tunnel tunnel) {
        script.addChain(INTO_TUNNEL);
        elsewhereUnlessToNode(INTO_TUNNEL, ROUTED);
        script.addRule(INTO_TUNNEL, FROM_TUNNEL + " " + VNI + " != " + tunnel.vni() + " goto " + ROUTED);
        script.addRule(INTO_TUNNEL, "goto " + DROP_POD);
    }

    private void elsewhereUnlessToNode(String chain, String elsewhere) {
        for (IpFamily family : IpFamily.values()) {
            script.addRule(
                    chain,
                    "%s != @%s fib daddr type != local goto %s"
                            .formatted(daddr(family), Element.setName(NODES, family), elsewhere));
        }
    }
}
