package dev.ikat.agent.firewall;

import dev.ikat.model.LinkNames;
import dev.ikat.netlink.netfilter.BaseChain;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import dev.ikat.netlink.netfilter.ChainRule;
import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.netfilter.ExpectedPacket;
import dev.ikat.netlink.netfilter.TableFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/**
 * What others' chains of nf_tables do with packets that none of their conditions is about, and with those of other
 * nodes.
 *
 * @param obstacles the chains that refuse such packets
 * @param undecided whether any chain has rules, so that only a packet can tell
 * @param iptables what the chains of iptables do to which Ikat adds rules, by their paths
 */
public record FirewallSurvey(List<Obstacle> obstacles, boolean undecided, Map<String, String> iptables) {
    /** Nothing that could refuse anything. */
    static final FirewallSurvey NOTHING = new FirewallSurvey(List.of(), false, Map.of());

    /** Of the names of all of Ikat's chains of iptables. */
    static final String OWN_PREFIX = "IKAT-";

    private static final String OWN_CHAINS = OWN_PREFIX + "ACCEPT-";
    private static final String OWN_TABLE = "ikat";
    private static final Set<Hook> PASSED = EnumSet.of(Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING);
    private static final String PODS = "\"" + LinkNames.POD_PREFIX + "*\"";

    public FirewallSurvey {
        obstacles = List.copyOf(obstacles);
        iptables = Map.copyOf(iptables);
    }

    /** The same, if there are further rules that were not looked at. */
    FirewallSurvey undecided(boolean more) {
        return new FirewallSurvey(obstacles, undecided || more, iptables);
    }

    /**
     * Looks at all chains that forwarded packets and tunnels pass.
     *
     * @param chains at the kernel's hooks
     * @param rulesOf the rules of a table
     * @param arrivals which have to pass as well
     */
    static FirewallSurvey of(
            List<BaseChain> chains, BiFunction<TableFamily, String, List<ChainRule>> rulesOf, Arrivals arrivals) {
        OptionalInt tunnelPort = arrivals.tunnelPort();
        Map<String, Map<String, List<ChainRule>>> tables = new HashMap<>();
        Map<String, Obstacle> obstacles = new LinkedHashMap<>();
        Map<String, String> iptables = new HashMap<>();
        boolean undecided = false;
        for (BaseChain chain : chains) {
            boolean concerns = PASSED.contains(chain.hook()) || (chain.hook() == Hook.INPUT && tunnelPort.isPresent());
            if (isOwn(chain) || !chain.type().equals("filter") || !(concerns || isOfIptables(chain))) {
                continue;
            }
            Map<String, List<ChainRule>> rules = tables.computeIfAbsent(
                    chain.family() + " " + chain.table(), _ -> byChain(rulesOf.apply(chain.family(), chain.table())));
            List<ChainRule> own = rules.getOrDefault(chain.name(), List.of());
            // The iptables backend's rules are no reason to doubt.
            undecided |= chain.dropping()
                    || !own.stream().allMatch(rule -> rule.target().startsWith(OWN_PREFIX));
            if (isOfIptables(chain)) {
                iptables.put(chain.path(), chain.dropping() + " " + passed(chain.name(), rules, new TreeMap<>()));
            } else {
                Arrival arrival = arrival(chain, rules, arrivals);
                boolean everything = refuses(chain, rules);
                if (arrival == Arrival.REFUSED
                        || (arrival == Arrival.UNKNOWN && everything)
                        || separates(chain, rules, arrivals)) {
                    obstacles.put(chain.path(), obstacle(chain, tunnelPort, arrival == Arrival.REFUSED, everything));
                }
            }
        }
        return new FirewallSurvey(List.copyOf(obstacles.values()), undecided, iptables);
    }

    private static Map<String, List<ChainRule>> byChain(Collection<ChainRule> rules) {
        return rules.stream().collect(Collectors.groupingBy(ChainRule::chain));
    }

    /** The rules that packets may pass from this chain on, without those of Ikat's policies, by their chains. */
    private static Map<String, List<ChainRule>> passed(
            String chain, Map<String, List<ChainRule>> rules, Map<String, List<ChainRule>> found) {
        List<ChainRule> own = rules.getOrDefault(chain, List.of());
        boolean others = !chain.startsWith(OWN_PREFIX) || chain.startsWith(OWN_CHAINS);
        if (others && found.put(chain, own) == null) {
            own.stream().map(ChainRule::target).filter(rules::containsKey).forEach(next -> passed(next, rules, found));
        }
        return found;
    }

    private static boolean isOwn(BaseChain chain) {
        return chain.family() == TableFamily.INET && chain.table().equals(OWN_TABLE);
    }

    /** Chains of iptables' table {@code filter}, to which Ikat adds rules that accept. */
    private static boolean isOfIptables(BaseChain chain) {
        return chain.family() != TableFamily.INET
                && chain.table().equals("filter")
                && chain.name().equals(chain.hook().name());
    }

    private static boolean refuses(BaseChain chain, Map<String, List<ChainRule>> rules) {
        Effect effect = effect(chain.name(), rules, new HashSet<>());
        return effect == Effect.REFUSE || (chain.dropping() && effect != Effect.ACCEPT);
    }

    /** What becomes of the packets of other nodes' tunnels or pods in a chain. */
    private enum Arrival {
        ACCEPTED,
        /** At least those of one node. */
        REFUSED,
        /** It depends on what is not read, or not known of the packets. */
        UNKNOWN
    }

    private static Arrival arrival(BaseChain chain, Map<String, List<ChainRule>> rules, Arrivals arrivals) {
        // What else is forwarded is another matter.
        boolean accepted =
                chain.hook() == Hook.INPUT && !arrivals.at(chain.hook()).isEmpty();
        for (List<ExpectedPacket> one : arrivals.at(chain.hook())) {
            PacketFate fate = PacketFate.of(chain, rules, one);
            if (fate.isRefused()) {
                return Arrival.REFUSED;
            }
            accepted &= fate.isAccepted();
        }
        return accepted ? Arrival.ACCEPTED : Arrival.UNKNOWN;
    }

    /** Whether it certainly refuses packets between two pods of this node. */
    private static boolean separates(BaseChain chain, Map<String, List<ChainRule>> rules, Arrivals arrivals) {
        return chain.hook() == Hook.FORWARD
                && arrivals.between().stream()
                        .anyMatch(one -> PacketFate.of(chain, rules, one).isRefused());
    }

    /** What a chain does with a packet that no condition is about. */
    private static Effect effect(String chain, Map<String, List<ChainRule>> rules, Set<String> visited) {
        if (!visited.add(chain)) {
            return Effect.NONE;
        }
        for (ChainRule rule : rules.getOrDefault(chain, List.of())) {
            if (!rule.conditions().isEmpty()) {
                continue;
            }
            switch (rule.effect()) {
                case REFUSE, ACCEPT -> {
                    return rule.effect();
                }
                case RETURN -> {
                    return Effect.NONE;
                }
                case JUMP, GOTO -> {
                    Effect there = effect(rule.target(), rules, visited);
                    if (there != Effect.NONE || rule.effect() == Effect.GOTO) {
                        return there;
                    }
                }
                case UNKNOWN, NONE -> {
                    // It decides nothing for such a packet.
                }
            }
        }
        return Effect.NONE;
    }

    /**
     * @param certain whether it certainly refuses packets of other nodes
     * @param everything whether it refuses what none of its conditions is about
     */
    private static Obstacle obstacle(BaseChain chain, OptionalInt tunnelPort, boolean certain, boolean everything) {
        boolean arriving = chain.hook() == Hook.INPUT;
        String what = "the nftables chain '" + chain.path() + "' "
                + (certain && arriving
                        ? "refuses packets of other nodes to UDP port " + tunnelPort.orElseThrow()
                        : !everything
                                ? "refuses forwarded packets"
                                : (chain.dropping() ? "drops" : "refuses")
                                        + (arriving ? " packets to this node" : " forwarded packets")
                                        + " that it has no rule for");
        if (chain.table().equals("firewalld")) {
            List<String> commands = new ArrayList<>();
            commands.add("firewall-cmd --permanent --zone=trusted --add-interface=" + LinkNames.POD_PREFIX + "+");
            // A zone is about what comes from its links; what goes to them from others takes a policy.
            commands.add("firewall-cmd --permanent --new-policy=ikat");
            commands.add("firewall-cmd --permanent --policy=ikat --add-ingress-zone=ANY");
            commands.add("firewall-cmd --permanent --policy=ikat --add-egress-zone=trusted");
            commands.add("firewall-cmd --permanent --policy=ikat --set-target=ACCEPT");
            tunnelPort.ifPresent(port -> commands.add("firewall-cmd --permanent --add-port=" + port + "/udp"));
            commands.add("firewall-cmd --reload");
            return new Obstacle(chain.hook(), what + " (firewalld)", String.join(" && ", commands), certain);
        }
        String insert = "nft insert rule " + chain.path() + " ";
        String remedy = arriving
                ? insert + "udp dport " + tunnelPort.orElseThrow() + " accept"
                : insert + "iifname " + PODS + " accept; " + insert + "oifname " + PODS + " accept";
        return new Obstacle(
                chain.hook(), what, remedy + "; and add the same to the file that it is loaded from", certain);
    }
}
