package dev.ikat.iptables;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.DropCause;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.TierProgram;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What the chains of one family consist of. A packet goes from {@code IKAT-FORWARD} to {@code IKAT-F}, if a pod sent
 * it, and then to {@code IKAT-T}, if a pod is to get it: a tree by the digits of the interface's name, whose leaves go
 * on to the pod's own chain. All but the first step are gotos, so what a pod's chain lets pass is back in
 * {@code IKAT-FORWARD}, and what no leaf knows falls into the drop at the leaf's end.
 */
final class Chains {
    /** What every chain's name begins with. */
    static final String PREFIX = "IKAT-";

    static final String FORWARD = PREFIX + "FORWARD";
    static final String MASQUERADE = PREFIX + "MASQUERADE";
    private static final String FROM = PREFIX + "F";
    private static final String TO = PREFIX + "T";
    private static final String RELATED = PREFIX + "RELATED";
    private static final String ERRORS = PREFIX + "ERRORS";
    private static final String SPOOFED = PREFIX + "SPOOFED";
    private static final String UNKNOWN = PREFIX + "UNKNOWN";
    private static final String NAME_PREFIX = LinkNames.POD_PREFIX;
    /** The overlay's links, whose names begin alike. */
    static final String OVERLAY = LinkNames.OVERLAY + "+";

    private static final String FORBIDDEN_MARK = "0x" + Integer.toHexString(PolicyBackend.FORBIDDEN);
    /** A leaf with more endpoints becomes a branch: about what a branch has of its own. */
    private static final int LARGEST_LEAF = 12;
    /** How many ports the multiport match takes; a range counts as two. */
    private static final int MULTIPORT = 15;

    private final IpFamily family;
    private final OptionalInt logGroup;

    Chains(IpFamily family, OptionalInt logGroup) {
        this.family = family;
        this.logGroup = logGroup;
    }

    /** The chains of a whole program. */
    Map<String, List<String>> all(Collection<PodProgram> pods, SetNames sets) {
        Map<String, List<String>> all = shared(pods);
        pods.forEach(pod -> all.putAll(own(pod, sets)));
        return all;
    }

    /** The chains after some endpoints' programs have changed, given those before. */
    Map<String, List<String>> changed(
            Map<String, List<String>> before,
            Collection<PodProgram> all,
            List<PodProgram> leaving,
            List<PodProgram> coming,
            SetNames sets) {
        Map<String, List<String>> wanted = new LinkedHashMap<>(before);
        for (PodProgram pod : leaving) {
            String suffix = "-" + pod.endpoint().hostInterface();
            wanted.keySet().removeIf(chain -> chain.endsWith(suffix) || chain.contains(suffix + "-"));
        }
        // Branches of the trees may come and go too; the names of all others have no plus sign.
        wanted.keySet().removeIf(chain -> chain.endsWith("+"));
        wanted.putAll(shared(all));
        coming.forEach(pod -> wanted.putAll(own(pod, sets)));
        return wanted;
    }

    /** The chains that all endpoints share: their rules, without "-A" and the chain. */
    private Map<String, List<String>> shared(Collection<PodProgram> pods) {
        Map<String, List<String>> chains = new LinkedHashMap<>();
        chains.put(
                FORWARD,
                List.of(
                        "-m conntrack --ctstate ESTABLISHED -m connmark ! --mark " + FORBIDDEN_MARK + " -j RETURN",
                        "-m conntrack --ctstate RELATED -m connmark ! --mark " + FORBIDDEN_MARK + " -g " + RELATED,
                        "-m conntrack --ctdir REPLY -m connmark --mark " + FORBIDDEN_MARK + " -j DROP",
                        "-i ik+ -j " + FROM,
                        "-o ik+ -j " + TO));
        chains.put(SPOOFED, drop("", DropCause.SPOOFED.prefix()));
        chains.put(UNKNOWN, drop("", DropCause.CLOSED.prefix()));
        NavigableMap<String, PodProgram> byName = new TreeMap<>();
        pods.forEach(pod -> byName.put(pod.endpoint().hostInterface().value(), pod));
        chains.put(RELATED, related(byName.values()));
        chains.put(ERRORS, errors());
        for (Direction direction : Direction.values()) {
            String flag = direction == Direction.INGRESS ? "-o" : "-i";
            List<String> root = new ArrayList<>();
            root.add(flag + " " + OVERLAY + " -j RETURN");
            if (direction == Direction.EGRESS) {
                root.add("-p " + icmp() + " -j " + ERRORS);
            }
            root.addAll(branch(direction, byName, NAME_PREFIX, chains));
            chains.put(direction == Direction.INGRESS ? TO : FROM, root);
        }
        return chains;
    }

    /** What belongs to a connection without being of it: a router may speak of any, a pod of its own. */
    private List<String> related(Collection<PodProgram> pods) {
        List<String> rules = new ArrayList<>();
        rules.add("! -i " + NAME_PREFIX + "+ -j RETURN");
        rules.add("-i " + OVERLAY + " -j RETURN");
        for (PodProgram pod : pods) {
            for (IpAddress address : addresses(pod)) {
                for (String end : List.of("--ctorigsrc", "--ctreplsrc")) {
                    rules.add("-i %s -m conntrack %s %s -j RETURN"
                            .formatted(pod.endpoint().hostInterface(), end, address));
                }
            }
        }
        rules.add("-g " + SPOOFED);
        return rules;
    }

    /** ICMP errors of a pod that belong to no connection. */
    private List<String> errors() {
        IntStream types = switch (family) {
            case IPV4 -> IntStream.of(3, 4, 5, 11, 12); // RFC 792
            case IPV6 -> IntStream.rangeClosed(1, 4); // RFC 4443
        };
        String match = switch (family) {
            case IPV4 -> "-p icmp -m icmp --icmp-type ";
            case IPV6 -> "-p ipv6-icmp -m icmp6 --icmpv6-type ";
        };
        return types.mapToObj(type -> match + type + " -g " + SPOOFED).toList();
    }

    private String icmp() {
        return switch (family) {
            case IPV4 -> "icmp";
            case IPV6 -> "ipv6-icmp";
        };
    }

    private List<String> branch(
            Direction direction,
            NavigableMap<String, PodProgram> byName,
            String prefix,
            Map<String, List<String>> chains) {
        String flag = direction == Direction.INGRESS ? "-o" : "-i";
        String otherwise = direction == Direction.INGRESS ? UNKNOWN : SPOOFED;
        SortedMap<String, PodProgram> here = byName.subMap(prefix, prefix + Character.MAX_VALUE);
        List<String> rules = new ArrayList<>();
        if (here.size() <= LARGEST_LEAF) {
            here.values().forEach(pod -> rules.addAll(leaf(direction, pod)));
        } else {
            for (char digit : "0123456789abcdef".toCharArray()) {
                String longer = prefix + digit;
                if (!byName.subMap(longer, longer + Character.MAX_VALUE).isEmpty()) {
                    String chain = (direction == Direction.INGRESS ? TO : FROM) + "-" + longer + "+";
                    rules.add(flag + " " + longer + "+ -g " + chain);
                    chains.put(chain, branch(direction, byName, longer, chains));
                }
            }
        }
        rules.add("-g " + otherwise);
        return rules;
    }

    private List<String> leaf(Direction direction, PodProgram pod) {
        InterfaceName name = pod.endpoint().hostInterface();
        List<String> rules = new ArrayList<>();
        for (IpAddress address : addresses(pod)) {
            String match = direction == Direction.INGRESS
                    ? "-d " + host(address) + " -o " + name
                    : "-s " + host(address) + " -i " + name;
            rules.add(match + (isIsolated(pod) ? " -g " + chain(direction, name, 0) : " -j RETURN"));
        }
        return rules;
    }

    private List<IpAddress> addresses(PodProgram pod) {
        return pod.endpoint().addresses().stream()
                .filter(address -> address.family() == family)
                .toList();
    }

    private static String host(IpAddress address) {
        return address + "/" + address.family().bits();
    }

    private static boolean isIsolated(PodProgram pod) {
        return !pod.ingress().isOpen() || !pod.egress().isOpen();
    }

    private static String chain(Direction direction, InterfaceName name, int tier) {
        return (direction == Direction.INGRESS ? TO : FROM) + "-" + name + (tier == 0 ? "" : "-" + tier);
    }

    /** The chains of one endpoint; none if nothing isolates it. */
    private Map<String, List<String>> own(PodProgram pod, SetNames sets) {
        Map<String, List<String>> chains = new LinkedHashMap<>();
        if (!isIsolated(pod) || addresses(pod).isEmpty()) {
            return chains;
        }
        for (Direction direction : Direction.values()) {
            DirectionProgram program = switch (direction) {
                case INGRESS -> pod.ingress();
                case EGRESS -> pod.egress();
            };
            InterfaceName name = pod.endpoint().hostInterface();
            String prefix =
                    (direction == Direction.INGRESS ? DropCause.INGRESS : DropCause.EGRESS).prefix() + " " + name;
            List<String> first = new ArrayList<>();
            for (IpAddress address : addresses(pod)) {
                first.add((direction == Direction.INGRESS ? "-s " : "-d ") + host(address) + " -j RETURN");
            }
            first.add("-m conntrack --ctstate INVALID -j DROP");
            // Conntrack takes a segment of a connection it has forgotten for a new one, and its answer for a reply.
            first.add("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j REJECT --reject-with tcp-reset");
            first.add("-p sctp -m sctp ! --chunk-types only INIT -j DROP");
            List<TierProgram> tiers = program.tiers();
            for (int i = 0; i < Math.max(1, tiers.size()); i++) {
                List<String> rules = i == 0 ? first : new ArrayList<>();
                if (i < tiers.size()) {
                    String pass = i + 1 < tiers.size() ? "-g " + chain(direction, name, i + 1) : "-j RETURN";
                    tier(tiers.get(i), direction, sets, pass, prefix, rules);
                }
                chains.put(chain(direction, name, i), rules);
            }
        }
        return chains;
    }

    private void tier(
            TierProgram tier, Direction direction, SetNames sets, String pass, String prefix, List<String> rules) {
        for (CompiledRule rule : tier.rules()) {
            for (String ports : ports(rule.ports())) {
                for (String peers : peers(rule, direction, sets)) {
                    String match = ports + peers;
                    switch (rule.action()) {
                        case ACCEPT -> rules.add(match + "-j RETURN");
                        case PASS -> rules.add(match + pass);
                        case DENY -> rules.addAll(drop(match, prefix));
                    }
                }
            }
        }
        switch (tier.otherwise()) {
            case ACCEPT -> rules.add("-j RETURN");
            case PASS -> rules.add(pass);
            case DENY -> rules.addAll(drop("", prefix));
        }
    }

    /** Drops what matches, which ends in a space where it is not empty, and has it logged before. */
    List<String> drop(String match, String prefix) {
        List<String> rules = new ArrayList<>();
        logGroup.ifPresent(group -> rules.add(match
                + "-m limit --limit 50/sec --limit-burst 100 -j NFLOG --nflog-prefix \"" + prefix + "\" --nflog-group "
                + group + " --nflog-size 128"));
        rules.add(match + "-j DROP");
        return rules;
    }

    private List<String> peers(CompiledRule rule, Direction direction, SetNames sets) {
        if (rule.peers().isEmpty()) {
            return List.of("");
        }
        String end = direction == Direction.INGRESS ? "src" : "dst";
        List<String> matches = new ArrayList<>();
        List<IpBlock> blocks = new ArrayList<>();
        for (PeerMatch peer : rule.peers()) {
            switch (peer) {
                case PeerMatch.InSet(SetId id) -> {
                    String fields = switch (sets.form(id)) {
                        case ADDRESSES -> end;
                        case PORTS -> end + ",dst";
                    };
                    matches.add("-m set --match-set " + sets.name(id, family) + " " + fields + " ");
                }
                case PeerMatch.InBlock(IpBlock block) -> blocks.add(block);
            }
        }
        sets.blocks(Prefixes.of(blocks, family), family)
                .ifPresent(name -> matches.add("-m set --match-set " + name + " " + end + " "));
        return matches;
    }

    private static List<String> ports(List<PortSpan> spans) {
        if (spans.isEmpty()) {
            return List.of("");
        }
        Map<Protocol, List<PortSpan>> byProtocol = new EnumMap<>(Protocol.class);
        spans.forEach(span -> byProtocol
                .computeIfAbsent(span.protocol(), _ -> new ArrayList<>())
                .add(span));
        List<String> matches = new ArrayList<>();
        byProtocol.forEach((protocol, ofProtocol) -> {
            String match = "-p " + protocol.name().toLowerCase(Locale.ROOT) + " ";
            if (ofProtocol.stream().anyMatch(PortSpan::isAll)) {
                matches.add(match);
            } else {
                multiport(ofProtocol).forEach(list -> matches.add(match + "-m multiport --dports " + list + " "));
            }
        });
        return matches;
    }

    private static List<String> multiport(List<PortSpan> spans) {
        List<String> lists = new ArrayList<>();
        StringBuilder list = new StringBuilder();
        int used = 0;
        for (PortSpan span : spans) {
            boolean single = span.first() == span.last();
            int takes = single ? 1 : 2;
            if (used + takes > MULTIPORT) {
                lists.add(list.toString());
                list.setLength(0);
                used = 0;
            }
            list.append(used == 0 ? "" : ",").append(span.first()).append(single ? "" : ":" + span.last());
            used += takes;
        }
        lists.add(list.toString());
        return lists;
    }
}
