package dev.ikat.nftables;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.GuardState;
import dev.ikat.policy.program.MasqueradeState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A {@link GuardState} in nftables' language.
 *
 * <p>Every packet that comes in meets {@code guard-sources}, before connections are tracked, so that a forged one does
 * not even touch another's connection. One comparison tells what pods and the tunnel send from all else. A pod's source
 * has to be routed back to its link; the tunnel has none of this node's own; of what comes by another way one look-up
 * says whether its source is a pod's or this node's.
 *
 * <p>Packets to the tunnels' port meet {@code guard-tunnel} where they are delivered, their destination translated:
 * none is a pod's, and those with Ikat's network identifier come from a node and have a source of that node's pods in
 * them, or one that is no pod's. {@code guard-carried} sees those that this node forwards, as pods' packets get this
 * node's address when they leave. What can't be read, because a packet is too short, counts as Ikat's.
 */
final class GuardScript {
    /** What the names of all chains, sets and maps of the guard begin with. */
    static final String PREFIX = "guard-";

    private static final String SOURCES = PREFIX + "sources";
    private static final String PODS = PREFIX + "pods";
    private static final String OVERLAY = PREFIX + "overlay";
    private static final String UPLINK = PREFIX + "uplink";
    private static final String TUNNELLED = PREFIX + "tunnelled";
    private static final String ARRIVING = PREFIX + "arriving";
    private static final String PASSING = PREFIX + "passing";
    private static final String TUNNEL = PREFIX + "tunnel";
    private static final String CARRIED = PREFIX + "carried";
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

    /** NF_IP_PRI_RAW (linux/netfilter_ipv4.h): after fragments are put together, before connections are tracked. */
    private static final int PRIORITY_RAW = -300;
    /** Before policies and what others filter with. */
    private static final int PRIORITY = -20;

    /** Of pods and of the tunnel device, whose names begin alike. */
    private static final String FROM_OURS = "iifname \"ik*\"";

    private static final String FROM_TUNNEL = "iifname \"" + GuardState.DEVICE + "\"";
    private static final String FROM_POD = FROM_OURS + " iifname != \"" + GuardState.DEVICE + "\"";
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
        drop(DROP_FORGED, "ikat s", "a pod sends from its own addresses");
        drop(DROP_BLOCK, "ikat b", "this source does not come this way");
        sources();
        state.tunnel().ifPresent(this::tunnel);
    }

    private void drop(String chain, String prefix, String comment) {
        script.addChain(chain);
        logGroup.ifPresent(group -> script.addRule(
                chain,
                "limit rate 50/second burst 100 packets log prefix \"%s\" group %d snaplen 128"
                        .formatted(prefix, group)));
        script.addRule(chain, "counter drop", comment);
    }

    private void sources() {
        script.addChain(OVERLAY);
        for (IpFamily family : IpFamily.values()) {
            for (Cidr own : cover(state.own(family))) {
                script.addRule(OVERLAY, saddr(family) + " " + own + " goto " + DROP_BLOCK);
            }
        }
        script.addChain(PODS);
        script.addRule(PODS, FROM_TUNNEL + " goto " + OVERLAY);
        script.addRule(PODS, "fib saddr . iif oif exists return");
        // Neighbour discovery; a router forwards nothing from these.
        script.addRule(PODS, "ip6 saddr fe80::/10 return");
        script.addRule(PODS, "ip6 saddr :: return");
        script.addRule(PODS, "goto " + DROP_FORGED);
        script.addChain(UPLINK);
        script.addRule(UPLINK, "iifname \"" + state.uplink() + "\" return");
        script.addRule(UPLINK, "goto " + DROP_BLOCK);
        script.addChain(TUNNELLED);
        for (IpFamily family : IpFamily.values()) {
            for (Cidr pods : state.masqueraded() ? List.<Cidr>of() : cover(state.pods(family))) {
                script.addRule(TUNNELLED, PolicyScript.protocol(family) + " daddr " + pods + " goto " + DROP_BLOCK);
            }
        }
        script.addRule(TUNNELLED, state.masqueraded() ? "goto " + DROP_BLOCK : "return");
        script.addBaseChain(SOURCES, "filter", "prerouting", PRIORITY_RAW);
        script.addRule(SOURCES, FROM_OURS + " goto " + PODS);
        script.addRule(SOURCES, "iifname \"lo\" return");
        for (IpFamily family : IpFamily.values()) {
            String map = Element.setName(BLOCKS, family);
            script.addVerdictMap(map, PolicyScript.addressType(family), "flags interval; ");
            List<String> ways = new ArrayList<>();
            ways.addAll(ways(state.own(family), DROP_BLOCK));
            ways.addAll(ways(state.direct(family), UPLINK));
            ways.addAll(ways(state.tunnelled(family), TUNNELLED));
            script.addRanges(map, ways);
            script.addRule(SOURCES, saddr(family) + " vmap @" + map);
        }
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
        // together
        // first: a port in the second fragment would be seen by nobody else.
        script.addChain(WHOLE);
        script.addRule(WHOLE, "ct state new");
        drop(DROP_POD, "ikat p", "a pod sends nothing to the nodes' tunnels");
        drop(DROP_STRANGER, "ikat x", "only nodes send into the nodes' tunnels");
        for (IpFamily family : IpFamily.values()) {
            addresses(PEERS, "where tunnels come from", family, state.peerAddresses(family));
            addresses(NODES, "where tunnels end", family, state.nodeAddresses(family));
        }
        inner();
        delivered(tunnel);
        forwarded(tunnel);
    }

    private void addresses(String role, String meaning, IpFamily family, Set<IpAddress> addresses) {
        String name = Element.setName(role, family);
        script.addSet(name, PolicyScript.addressType(family), "", meaning);
        script.addRanges(name, texts(addresses));
    }

    private static List<String> texts(Collection<?> values) {
        return values.stream().map(Object::toString).sorted().toList();
    }

    /** Whose source may be within whose packet. */
    private void inner() {
        for (IpFamily within : IpFamily.values()) {
            for (IpFamily outer : IpFamily.values()) {
                List<String> owners = new ArrayList<>();
                for (GuardState.Peer peer : state.peers()) {
                    for (IpAddress address : peer.addresses()) {
                        for (Cidr block : peer.blocks()) {
                            if (address.family() == outer && block.family() == within) {
                                owners.add(address + " . " + number(block));
                            }
                        }
                    }
                }
                String name = owners(outer, within);
                script.addSetOf(
                        name,
                        saddr(outer) + " . " + innerSource(within),
                        "flags interval; ",
                        "a node, and a source of its pods");
                script.addRanges(name, texts(owners));
            }
            Set<Cidr> all = new java.util.HashSet<>(state.own(within));
            all.addAll(state.direct(within));
            all.addAll(state.tunnelled(within));
            String name = Element.setName(INNER, within);
            script.addSetOf(name, innerSource(within), "flags interval; ", "sources that are some node's");
            script.addRanges(name, cover(all).stream().map(GuardScript::number).toList());
        }
    }

    private static String owners(IpFamily outer, IpFamily within) {
        return Element.setName(Element.setName(OWNERS, outer), within);
    }

    /** A block as nftables takes it where it knows of a field no more than its length. */
    private static String number(Cidr block) {
        String first = hexadecimal(block.first());
        String last = hexadecimal(block.last());
        return first.equals(last) ? first : first + "-" + last;
    }

    private static String hexadecimal(IpAddress address) {
        return "0x" + HexFormat.of().formatHex(address.toBytes());
    }

    private static String saddr(IpFamily family) {
        return PolicyScript.protocol(family) + " saddr";
    }

    /** The source in the IP header that follows UDP's, VXLAN's and Ethernet's. */
    private static String innerSource(IpFamily family) {
        return switch (family) {
            case IPV4 -> "@th,336,32";
            case IPV6 -> "@th,304,128";
        };
    }

    private static String etherType(IpFamily family) {
        return switch (family) {
            case IPV4 -> "0x0800";
            case IPV6 -> "0x86dd";
        };
    }

    private void delivered(GuardState.Tunnel tunnel) {
        script.addChain(TUNNEL);
        script.addRule(TUNNEL, FROM_POD + " goto " + DROP_POD);
        script.addRule(TUNNEL, VNI + " != " + tunnel.vni() + " return");
        // A node's own packets are for this one from the start; a pod's may be sent here by a service.
        script.addRule(TUNNEL, "ct status dnat goto " + DROP_STRANGER);
        for (IpFamily within : IpFamily.values()) {
            for (IpFamily outer : IpFamily.values()) {
                script.addRule(
                        TUNNEL,
                        "%s %s %s . %s @%s return"
                                .formatted(
                                        INNER_TYPE,
                                        etherType(within),
                                        saddr(outer),
                                        innerSource(within),
                                        owners(outer, within)));
            }
        }
        for (IpFamily outer : IpFamily.values()) {
            script.addRule(TUNNEL, saddr(outer) + " != @" + Element.setName(PEERS, outer) + " goto " + DROP_STRANGER);
        }
        for (IpFamily within : IpFamily.values()) {
            script.addRule(
                    TUNNEL,
                    "%s %s %s @%s goto %s"
                            .formatted(
                                    INNER_TYPE,
                                    etherType(within),
                                    innerSource(within),
                                    Element.setName(INNER, within),
                                    DROP_BLOCK));
        }
        // Where a tag hides the source from this, it need not from the receiver.
        script.addRule(
                TUNNEL,
                "%s != { %s, %s, %s } goto %s"
                        .formatted(INNER_TYPE, ARP, etherType(IpFamily.IPV4), etherType(IpFamily.IPV6), DROP_BLOCK));
        script.addBaseChain(ARRIVING, "filter", "input", PRIORITY);
        script.addRule(ARRIVING, "udp dport " + tunnel.port() + " goto " + TUNNEL);
    }

    private void forwarded(GuardState.Tunnel tunnel) {
        script.addChain(CARRIED);
        for (IpFamily family : IpFamily.values()) {
            script.addRule(
                    CARRIED,
                    "%s daddr != @%s return".formatted(PolicyScript.protocol(family), Element.setName(NODES, family)));
        }
        script.addRule(CARRIED, FROM_OURS + " goto " + DROP_POD);
        script.addRule(CARRIED, VNI + " != " + tunnel.vni() + " return");
        script.addRule(CARRIED, "ct status dnat goto " + DROP_STRANGER);
        for (IpFamily family : IpFamily.values()) {
            script.addRule(CARRIED, saddr(family) + " @" + Element.setName(PEERS, family) + " return");
        }
        script.addRule(CARRIED, "goto " + DROP_STRANGER);
        script.addBaseChain(PASSING, "filter", "forward", PRIORITY);
        script.addRule(PASSING, "udp dport " + tunnel.port() + " goto " + CARRIED);
    }
}
