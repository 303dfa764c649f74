package dev.ikat.nftables;

import static dev.ikat.dataplane.PolicyBackend.FORBIDDEN;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.DropCause;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.TierProgram;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Programs in nftables' language.
 *
 * <p>A packet that crosses the node meets the base chain {@value #FORWARD}: what belongs to a connection that was let
 * pass passes, unless it is marked as forbidden by now, and so do errors about it if they come from elsewhere or from
 * one of its ends. Anything else is looked up by the interface that it comes from and its source in a verdict map, and
 * then by the interface that it goes to and its destination in another: each leads to the endpoint's chain, or right
 * back where everything passes; what is in neither map is dropped. In an endpoint's chain, returning means passing. A
 * tier that is not the first has a chain of its own, which the one before goes to, and so have the rules for a port
 * where there are many ({@link TierChain}); so a return leaves all of them at once.
 */
final class PolicyScript {
    static final String FORWARD = Owner.POLICY.prefix() + "forward";
    static final String RELATED = Owner.POLICY.prefix() + "related";
    static final String FROM_PODS = Owner.POLICY.prefix() + "from-pods";
    static final String TO_PODS = Owner.POLICY.prefix() + "to-pods";
    static final String FROM = Owner.POLICY.prefix() + "from";
    static final String TO = Owner.POLICY.prefix() + "to";
    static final String ENDPOINTS = Owner.POLICY.prefix() + "endpoints";
    /** Interfaces of pods, and the one to the other nodes, as nftables compares them. */
    private static final String PODS = '"' + LinkNames.POD_PREFIX + "*\"";

    private static final String OVERLAY = '"' + LinkNames.OVERLAY + "*\"";

    /** The chains that are there whatever the program is. */
    static final List<String> CHAINS = List.of(FORWARD, RELATED, FROM_PODS, TO_PODS);

    /** Before what others usually filter with (NF_IP_PRI_FILTER, linux/netfilter_ipv4.h). */
    private static final int PRIORITY = -10;

    /** From so many rules on a look-up of the port costs a packet less than comparing it with each. */
    static final int PORTS_WORTH_A_LOOK_UP = 16;

    private final OptionalInt logGroup;
    private final int worthwhile;

    /**
     * @param logGroup the NFLOG group that is told of drops; empty for none
     * @param worthwhile so many rules in a row for single ports are looked up by their port; at least 1
     */
    PolicyScript(OptionalInt logGroup, int worthwhile) {
        this.logGroup = logGroup;
        this.worthwhile = worthwhile;
    }

    /** Whether it is the name of one of the verdict maps. */
    static boolean isMap(String name) {
        return Stream.of(IpFamily.values())
                .anyMatch(family ->
                        name.equals(Element.setName(FROM, family)) || name.equals(Element.setName(TO, family)));
    }

    static String protocol(IpFamily family) {
        return switch (family) {
            case IPV4 -> "ip";
            case IPV6 -> "ip6";
        };
    }

    static String addressType(IpFamily family) {
        return switch (family) {
            case IPV4 -> "ipv4_addr";
            case IPV6 -> "ipv6_addr";
        };
    }

    /** The chains and maps that are there for every program, empty of endpoints. */
    void base(Script script) {
        script.addBaseChain(FORWARD, "filter", "forward", PRIORITY);
        script.addChain(RELATED);
        script.addChain(FROM_PODS);
        script.addChain(TO_PODS);
        for (IpFamily family : IpFamily.values()) {
            script.addVerdictMap(Element.setName(FROM, family), "ifname . " + addressType(family));
            script.addVerdictMap(Element.setName(TO, family), "ifname . " + addressType(family));
            script.addSet(
                    Element.setName(ENDPOINTS, family), "ifname . " + addressType(family), "", "who has which address");
        }
        script.addRule(FORWARD, "ct state established ct mark != 0x%x accept".formatted(FORBIDDEN));
        script.addRule(FORWARD, "ct state related ct mark != 0x%x jump %s".formatted(FORBIDDEN, RELATED));
        script.addRule(FORWARD, "ct mark 0x%x ct direction reply counter drop".formatted(FORBIDDEN));
        script.addRule(FORWARD, "iifname " + PODS + " iifname != " + OVERLAY + " jump " + FROM_PODS);
        script.addRule(FORWARD, "oifname " + PODS + " oifname != " + OVERLAY + " jump " + TO_PODS);
        // A router may speak of any connection, a pod of its own: its chain is not asked, only whose interface this is.
        script.addRule(RELATED, "iifname != " + PODS + " accept");
        script.addRule(RELATED, "iifname " + OVERLAY + " accept");
        for (IpFamily family : IpFamily.values()) {
            // Linux 6.1 looks nothing up in a map without taking its value.
            String endpoints = Element.setName(ENDPOINTS, family);
            for (String direction : List.of("original", "reply")) {
                script.addRule(
                        RELATED,
                        "iifname . ct %s %s saddr @%s accept".formatted(direction, protocol(family), endpoints));
            }
        }
        for (String error : List.of(
                "icmp type { destination-unreachable, source-quench, redirect, time-exceeded, parameter-problem } ",
                "icmpv6 type < 128 ")) {
            drop(
                    script,
                    FROM_PODS,
                    error,
                    DropCause.SPOOFED.prefix(),
                    "an error about what this endpoint was not sent");
        }
        for (IpFamily family : IpFamily.values()) {
            String ip = protocol(family);
            script.addRule(FROM_PODS, "iifname . %s saddr vmap @%s".formatted(ip, Element.setName(FROM, family)));
            script.addRule(TO_PODS, "oifname . %s daddr vmap @%s".formatted(ip, Element.setName(TO, family)));
        }
        drop(script, FROM_PODS, DropCause.SPOOFED.prefix(), "no endpoint sends from this address on this interface");
        drop(script, TO_PODS, DropCause.CLOSED.prefix(), "no endpoint has this address on this interface");
    }

    private void drop(Script script, String chain, String prefix, String comment) {
        drop(script, chain, "", prefix, comment);
    }

    /** Drops what matches, which ends in a space where it is not empty, and has it logged before. */
    private void drop(Script script, String chain, String match, String prefix, String comment) {
        script.addDrop(chain, match, prefix, logGroup, comment);
    }

    /** What the names of an address set's sets begin with; {@link Element#setName} makes each family's. */
    static String setName(SetId id) {
        return Owner.POLICY.prefix() + id.value();
    }

    /** The sets of an address set, one for each family, and their members. */
    void set(Script script, AddressSet set) {
        for (IpFamily family : IpFamily.values()) {
            String type = switch (set.form()) {
                case ADDRESSES -> addressType(family);
                case PORTS -> addressType(family) + " . inet_proto . inet_service";
            };
            script.addSet(Element.setName(setName(set.id()), family), type, "", set.meaning());
        }
    }

    /** The name of an endpoint's chain for a direction. */
    static String chain(Direction direction, InterfaceName name) {
        return switch (direction) {
            case INGRESS -> TO + "-" + name;
            case EGRESS -> FROM + "-" + name;
        };
    }

    /** The chains of an endpoint for a direction, the first being where its packets are sent; none if all may pass. */
    List<String> chains(PodProgram program, Direction direction) {
        return tierChains(program, direction).stream()
                .flatMap(List::stream)
                .map(TierChain::name)
                .toList();
    }

    /** Where an endpoint's packets of a direction are sent; empty if all may pass. */
    static Optional<String> firstChain(PodProgram program, Direction direction) {
        return isIsolated(program)
                ? Optional.of(chain(direction, program.endpoint().hostInterface()))
                : Optional.empty();
    }

    /** For each tier its chains; one without rules where there is no tier, as packets are sent to the first. */
    private List<List<TierChain>> tierChains(PodProgram program, Direction direction) {
        Optional<String> first = firstChain(program, direction);
        if (first.isEmpty()) {
            return List.of();
        }
        List<List<TierChain>> chains = new ArrayList<>();
        for (TierProgram tier : tiers(program, direction)) {
            String name = chains.isEmpty() ? first.get() : first.get() + "-" + chains.size();
            chains.add(TierChain.of(name, tier.rules(), worthwhile));
        }
        if (chains.isEmpty()) {
            chains.add(TierChain.of(first.get(), List.of(), worthwhile));
        }
        return chains;
    }

    private static boolean isIsolated(PodProgram program) {
        return !program.ingress().isOpen() || !program.egress().isOpen();
    }

    private static List<TierProgram> tiers(PodProgram program, Direction direction) {
        DirectionProgram tiers = switch (direction) {
            case INGRESS -> program.ingress();
            case EGRESS -> program.egress();
        };
        return tiers.tiers();
    }

    /** The rules of an endpoint's chains, which are there and empty. */
    void rules(Script script, PodProgram program, Direction direction, Function<SetId, AddressSet.Form> forms) {
        List<List<TierChain>> chains = tierChains(program, direction);
        if (chains.isEmpty()) {
            return;
        }
        Set<IpFamily> families = EnumSet.noneOf(IpFamily.class);
        String first = chains.getFirst().getFirst().name();
        String peer = peerField(direction);
        for (IpAddress address : program.endpoint().addresses()) {
            families.add(address.family());
            script.addRule(first, "%s %s %s return".formatted(protocol(address.family()), peer, address));
        }
        script.addRule(first, "ct state invalid counter drop");
        // Conntrack takes a segment of a connection it has forgotten for a new one, and its answer for a reply: a
        // connection that was cut would be back.
        script.addRule(first, "tcp flags & (fin | syn | rst | ack) != syn counter reject with tcp reset");
        // So it does with SCTP: the first chunk's type, after 12 bytes of header, is to be INIT's (RFC 9260).
        script.addRule(first, "meta l4proto sctp @th,96,8 != 1 counter drop");
        String prefix = (direction == Direction.INGRESS ? DropCause.INGRESS : DropCause.EGRESS).prefix() + " "
                + program.endpoint().hostInterface();
        List<TierProgram> tiers = tiers(program, direction);
        for (int i = 0; i < tiers.size(); i++) {
            TierProgram tier = tiers.get(i);
            String pass = i + 1 < tiers.size()
                    ? "goto " + chains.get(i + 1).getFirst().name()
                    : "return";
            for (TierChain chain : chains.get(i)) {
                for (CompiledRule rule : chain.rules()) {
                    List<String> ports = chain.withPorts() ? ports(rule.ports()) : List.of("");
                    rule(script, chain.name(), rule, ports, pass, prefix, direction, families, forms);
                }
                lookUpPort(script, chain);
                if (chain.then().isEmpty()) {
                    otherwise(script, chain.name(), tier, pass, prefix);
                }
            }
        }
    }

    private static void lookUpPort(Script script, TierChain chain) {
        if (!chain.ports().isEmpty()) {
            script.addRule(
                    chain.name(),
                    chain.ports().entrySet().stream()
                            .map(entry -> "%s . %d : goto %s"
                                    .formatted(
                                            TierChain.word(entry.getKey().protocol()),
                                            entry.getKey().first(),
                                            entry.getValue()))
                            .collect(Collectors.joining(", ", "meta l4proto . th dport vmap { ", " }")));
        }
        chain.then().ifPresent(then -> script.addRule(chain.name(), "goto " + then));
    }

    private void otherwise(Script script, String chain, TierProgram tier, String pass, String prefix) {
        switch (tier.otherwise()) {
            case ACCEPT -> script.addRule(chain, "counter return");
            case PASS -> script.addRule(chain, pass);
            case DENY ->
                drop(
                        script,
                        chain,
                        prefix,
                        tier.isolatedBy().stream().map(Object::toString).collect(Collectors.joining(", ")));
        }
    }

    private static String peerField(Direction direction) {
        return switch (direction) {
            case INGRESS -> "saddr";
            case EGRESS -> "daddr";
        };
    }

    private void rule(
            Script script,
            String chain,
            CompiledRule rule,
            List<String> portMatches,
            String pass,
            String prefix,
            Direction direction,
            Set<IpFamily> families,
            Function<SetId, AddressSet.Form> forms) {
        // Ports first: comparing one takes a fraction of what looking an address up does.
        for (String ports : portMatches) {
            for (String peers : peers(rule, direction, families, forms)) {
                String match = ports + peers;
                String comment = rule.id().toString();
                switch (rule.action()) {
                    case ACCEPT -> script.addRule(chain, match + "counter return", comment);
                    case DENY -> drop(script, chain, match, prefix, comment);
                    case PASS -> script.addRule(chain, match + "counter " + pass, comment);
                }
            }
        }
    }

    /** How the other end is matched, an alternative each, with a space after what is not empty. */
    private static List<String> peers(
            CompiledRule rule, Direction direction, Set<IpFamily> families, Function<SetId, AddressSet.Form> forms) {
        if (rule.peers().isEmpty()) {
            return List.of("");
        }
        List<String> matches = new ArrayList<>();
        for (IpFamily family : families) {
            String field = protocol(family) + " " + peerField(direction);
            List<IpBlock> blocks = new ArrayList<>();
            for (PeerMatch peer : rule.peers()) {
                switch (peer) {
                    case PeerMatch.InSet(SetId id) -> {
                        String lookup = switch (forms.apply(id)) {
                            case ADDRESSES -> field;
                            case PORTS -> field + " . meta l4proto . th dport";
                        };
                        matches.add(lookup + " @" + Element.setName(setName(id), family) + " ");
                    }
                    case PeerMatch.InBlock(IpBlock block) -> blocks.add(block);
                }
            }
            List<String> ranges = AddressRanges.of(blocks, family);
            if (!ranges.isEmpty()) {
                matches.add(field + " { " + String.join(", ", ranges) + " } ");
            }
        }
        return matches;
    }

    /** How the receiving port is matched, an alternative for each protocol, with a space after what is not empty. */
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
            String name = TierChain.word(protocol);
            if (ofProtocol.stream().anyMatch(PortSpan::isAll)) {
                matches.add("meta l4proto " + name + " ");
            } else {
                List<String> ranges = PortRanges.of(ofProtocol);
                matches.add(name + " dport "
                        + (ranges.size() == 1 ? ranges.getFirst() : "{ " + String.join(", ", ranges) + " }") + " ");
            }
        });
        return matches;
    }
}
