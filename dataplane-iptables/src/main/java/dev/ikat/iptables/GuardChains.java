package dev.ikat.iptables;

import dev.ikat.dataplane.DropCause;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A {@link GuardState} as chains of one family, and the sets that they ask. In the table raw, before connections are
 * tracked, each packet's source is compared with the way that it came; in the table filter, once its destination is
 * translated, what goes to the tunnels' port. Each table that is there costs every packet something at all of its
 * hooks; filter is there anyhow.
 *
 * <p>A set can't be asked for what is within a packet: that a node sends from its own pods' addresses only, these rules
 * don't see. What has another network identifier is somebody else's; without the match that reads it, everything at the
 * tunnels' port counts as Ikat's.
 */
final class GuardChains {
    /** What every chain's name begins with, and none of policy's or masquerading's. */
    static final String PREFIX = Chains.PREFIX + "GUARD-";

    static final String SOURCES = PREFIX + "SOURCES";
    static final String ARRIVING = PREFIX + "ARRIVING";
    static final String PASSING = PREFIX + "PASSING";
    /** What the names of the sets look like. */
    static final String SET = "ikats[46]-.*";

    private static final String PODS = PREFIX + "PODS";
    private static final String OVERLAY = PREFIX + "OVERLAY";
    private static final String ELSEWHERE = PREFIX + "ELSEWHERE";
    private static final String TUNNEL = PREFIX + "TUNNEL";
    private static final String FROM_NODE = PREFIX + "FROM-NODE";
    private static final String CARRIED = PREFIX + "CARRIED";
    private static final String DROP_FORGED = PREFIX + "DROP-FORGED";
    private static final String DROP_BLOCK = PREFIX + "DROP-BLOCK";
    private static final String DROP_POD = PREFIX + "DROP-POD";
    private static final String DROP_STRANGER = PREFIX + "DROP-STRANGER";
    /** Of pods and of the tunnel device, whose names begin alike. */
    private static final String FROM_OURS = "-i " + LinkNames.POD_PREFIX + "+ ";

    private static final int MAX_VNI = (1 << 24) - 1;

    private final IpFamily family;
    private final GuardState state;
    private final Chains chains;
    private final boolean readsVni;

    /**
     * @param logGroup the NFLOG group that is told of drops; empty for none
     * @param readsVni whether the kernel has the match u32
     */
    GuardChains(IpFamily family, GuardState state, OptionalInt logGroup, boolean readsVni) {
        this.family = family;
        this.state = state;
        this.chains = new Chains(family, logGroup);
        this.readsVni = readsVni;
    }

    static boolean owns(String chain) {
        return chain.startsWith(PREFIX);
    }

    private static String set(String role, IpFamily family) {
        return "ikats" + (family == IpFamily.IPV4 ? "4-" : "6-") + role;
    }

    private String in(String role, String end) {
        return "-m set --match-set " + set(role, family) + " " + end + " ";
    }

    private String notIn(String role, String end) {
        return "-m set ! --match-set " + set(role, family) + " " + end + " ";
    }

    /** The sets by their names, with what ipset says is in them. */
    static Map<String, Set<String>> sets(GuardState state) {
        Map<String, Set<String>> sets = new TreeMap<>();
        for (IpFamily family : IpFamily.values()) {
            Set<Cidr> guarded = new HashSet<>(state.own(family));
            guarded.addAll(state.tunnelled(family));
            guarded.addAll(state.direct(family));
            sets.put(set("guarded", family), networks(guarded, family));
            sets.put(set("direct", family), networks(state.direct(family), family));
            sets.put(set("peers", family), texts(state.peerAddresses(family)));
            sets.put(set("nodes", family), texts(state.nodeAddresses(family)));
        }
        return sets;
    }

    private static Set<String> networks(Set<Cidr> blocks, IpFamily family) {
        return MasqueradeState.cover(blocks, family).stream()
                .map(Sets::network)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> texts(Set<?> values) {
        return values.stream().map(Object::toString).collect(Collectors.toCollection(TreeSet::new));
    }

    /** What the table raw is to have. */
    Map<String, List<String>> raw() {
        Map<String, List<String>> raw = new LinkedHashMap<>();
        raw.put(
                SOURCES,
                List.of(FROM_OURS + "-g " + PODS, "-i lo -j RETURN", in("guarded", "src") + "-g " + ELSEWHERE));
        List<String> pods = new ArrayList<>();
        pods.add("-i " + Chains.OVERLAY + " -g " + OVERLAY);
        // Neighbour discovery and group membership have these two sources, and nothing else does. The match takes a
        // packet that is from nowhere for one that came the right way.
        if (family == IpFamily.IPV6) {
            pods.add("-s ::/128 ! -p ipv6-icmp -g " + DROP_FORGED);
        }
        pods.add("-m rpfilter -j RETURN");
        if (family == IpFamily.IPV6) {
            pods.add("-s fe80::/10 -p ipv6-icmp -j RETURN");
        }
        pods.add("-g " + DROP_FORGED);
        raw.put(PODS, pods);
        raw.put(
                OVERLAY,
                MasqueradeState.cover(state.own(family), family).stream()
                        .map(own -> "-s " + own + " -g " + DROP_BLOCK)
                        .toList());
        List<String> elsewhere = new ArrayList<>();
        elsewhere.add("-i " + state.uplink() + " " + in("direct", "src") + "-j RETURN");
        if (!state.masqueraded()) {
            // To this node itself pods of others may come as they are.
            Set<Cidr> own = state.own(family);
            MasqueradeState.cover(own, family).forEach(block -> elsewhere.add("-s " + block + " -g " + DROP_BLOCK));
            MasqueradeState.cover(state.pods(family), family)
                    .forEach(block -> elsewhere.add("-d " + block + " -g " + DROP_BLOCK));
            elsewhere.add(notIn("direct", "src") + "-j RETURN");
        }
        elsewhere.add("-g " + DROP_BLOCK);
        raw.put(ELSEWHERE, elsewhere);
        raw.put(DROP_FORGED, chains.drop("", DropCause.SPOOFED.prefix()));
        raw.put(DROP_BLOCK, chains.drop("", DropCause.SPOOFED_BLOCK.prefix()));
        return raw;
    }

    /** What the table filter is to have. */
    Map<String, List<String>> tunnels() {
        Map<String, List<String>> tunnels = new LinkedHashMap<>();
        tunnels.put(
                ARRIVING, state.tunnel().map(tunnel -> toPort(tunnel, TUNNEL)).orElse(List.of()));
        tunnels.put(
                PASSING, state.tunnel().map(tunnel -> toPort(tunnel, CARRIED)).orElse(List.of()));
        state.tunnel().ifPresent(tunnel -> {
            tunnels.put(
                    TUNNEL,
                    List.of(
                            "-i " + Chains.OVERLAY + " -g " + FROM_NODE,
                            FROM_OURS + "-g " + DROP_POD,
                            "-g " + FROM_NODE));
            List<String> carried = new ArrayList<>();
            carried.add(notIn("nodes", "dst") + "-j RETURN");
            carried.add(FROM_OURS + "-g " + DROP_POD);
            carried.add("-g " + FROM_NODE);
            tunnels.put(CARRIED, carried);
            List<String> fromNode = new ArrayList<>();
            if (readsVni) {
                fromNode.add(otherVni(tunnel.vni()) + "-j RETURN");
            }
            // A node's own packets are for this one from the start; a pod's may be sent here by a service. And where
            // rules speak of connections the kernel tracks them, and so puts fragments together first.
            fromNode.add("-m conntrack --ctstate DNAT -g " + DROP_STRANGER);
            fromNode.add(in("peers", "src") + "-j RETURN");
            fromNode.add("-g " + DROP_STRANGER);
            tunnels.put(FROM_NODE, fromNode);
            tunnels.put(DROP_POD, chains.drop("", DropCause.TUNNEL_FROM_POD.prefix()));
            tunnels.put(DROP_STRANGER, chains.drop("", DropCause.TUNNEL_FROM_STRANGER.prefix()));
        });
        return tunnels;
    }

    private static List<String> toPort(GuardState.Tunnel tunnel, String chain) {
        return List.of("-p udp -m udp --dport " + tunnel.port() + " -g " + chain);
    }

    /** Matches what has another network identifier (RFC 7348, section 5), twelve bytes after UDP begins. */
    private String otherVni(int vni) {
        List<String> others = new ArrayList<>();
        if (vni > 0) {
            others.add("0x0:0x%x".formatted(vni - 1));
        }
        if (vni < MAX_VNI) {
            others.add("0x%x:0x%x".formatted(vni + 1, MAX_VNI));
        }
        String where = switch (family) {
            case IPV4 -> "0x0>>0x16&0x3c@0xc>>0x8";
            // Where UDP follows at once; nobody's tunnel has headers between.
            case IPV6 -> "0x4>>0x8&0xff=0x11&&0x34>>0x8";
        };
        return "-m u32 --u32 \"" + where + "=" + String.join(",", others) + "\" ";
    }
}
