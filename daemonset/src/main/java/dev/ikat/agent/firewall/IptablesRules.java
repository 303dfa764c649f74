package dev.ikat.agent.firewall;

import dev.ikat.dataplane.FilterTable;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.netfilter.BaseChain;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import dev.ikat.netlink.netfilter.ChainRule;
import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.netfilter.ExpectedPacket;
import dev.ikat.netlink.netfilter.RuleCondition;
import dev.ikat.netlink.netfilter.RuleCondition.Range;
import dev.ikat.netlink.netfilter.RuleCondition.State;
import dev.ikat.netlink.netfilter.TableFamily;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The rules of iptables in one table {@code filter}, as far as their conditions are read: links, addresses, protocols,
 * ports and the state of the connection. Other conditions may hold or not. The format is that of {@code iptables-save},
 * see iptables-extensions(8).
 */
final class IptablesRules {
    /** A word, which may be in quotes. */
    private static final Pattern WORD = Pattern.compile("\"((?:\\\\.|[^\"\\\\])*)\"|(\\S+)");

    /** Targets after which the next rule is tried. */
    private static final Set<String> GOING_ON = Set.of(
            "AUDIT", "CLASSIFY", "CONNMARK", "CONNSECMARK", "LOG", "MARK", "NFLOG", "SECMARK", "SET", "TRACE", "ULOG");

    /** As the kernel numbers them, {@code linux/in.h}. */
    private static final Map<String, Integer> PROTOCOLS =
            Map.of("icmp", 1, "tcp", 6, "udp", 17, "esp", 50, "ah", 51, "ipv6-icmp", 58, "sctp", 132, "udplite", 136);

    /** Matches whose options are read, or which always hold. */
    private static final Set<String> READ = Set.of("comment", "conntrack", "multiport", "state", "tcp", "udp");

    private final FilterTable table;
    private final Map<String, List<ChainRule>> chains = new HashMap<>();
    private final Set<String> dropping = new HashSet<>();

    /** The lines that the rules were read from. */
    private final IdentityHashMap<ChainRule, String> lines = new IdentityHashMap<>();

    private IptablesRules(FilterTable table) {
        this.table = table;
        // Whether a target is a chain is known once all chains are.
        table.saved().lines().filter(line -> line.startsWith(":")).forEach(line -> {
            List<String> words = List.copyOf(words(line.substring(1)));
            chains.put(words.getFirst(), new ArrayList<>());
            if (words.size() > 1 && words.get(1).equals("DROP")) {
                dropping.add(words.getFirst());
            }
        });
        table.saved().lines().filter(line -> line.startsWith("-A ")).forEach(this::read);
    }

    /** Those rules of a host's iptables that certainly refuse packets of other nodes, or of pods of this one. */
    static List<Obstacle> obstacles(List<FilterTable> tables, Arrivals arrivals) {
        return tables.stream()
                .map(IptablesRules::new)
                .flatMap(rules -> Stream.of(
                                rules.obstacle(Hook.INPUT, arrivals.tunnels(), true, arrivals),
                                rules.obstacle(Hook.FORWARD, arrivals.pods(), true, arrivals),
                                rules.obstacle(Hook.FORWARD, arrivals.between(), false, arrivals))
                        .flatMap(Optional::stream))
                .toList();
    }

    private Optional<Obstacle> obstacle(
            Hook hook, List<List<ExpectedPacket>> packets, boolean certain, Arrivals arrivals) {
        TableFamily family = table.family() == IpFamily.IPV4 ? TableFamily.IPV4 : TableFamily.IPV6;
        BaseChain chain =
                new BaseChain(family, "filter", hook.name(), hook, "filter", 0, dropping.contains(hook.name()));
        return packets.stream()
                .map(one -> PacketFate.of(chain, chains, one))
                .filter(PacketFate::isRefused)
                .flatMap(fate -> fate.refusal().stream())
                .filter(rule -> !rule.chain().startsWith(FirewallSurvey.OWN_PREFIX))
                .findFirst()
                .map(rule -> obstacle(hook, rule, certain, arrivals));
    }

    private Obstacle obstacle(Hook hook, ChainRule rule, boolean certain, Arrivals arrivals) {
        String what = "the rule '" + lines.get(rule) + "' of " + table.program();
        String accept = table.program() + " -I " + hook + " ";
        String remedy = hook == Hook.INPUT
                ? accept + "-p udp --dport " + arrivals.tunnelPort().orElseThrow() + " -j ACCEPT"
                : accept + "-i " + LinkNames.POD_PREFIX + "+ -j ACCEPT; " + accept + "-o " + LinkNames.POD_PREFIX
                        + "+ -j ACCEPT";
        return new Obstacle(
                hook,
                what
                        + (hook == Hook.INPUT
                                ? " refuses packets of other nodes to UDP port "
                                        + arrivals.tunnelPort().orElseThrow()
                                : " refuses forwarded packets"),
                remedy + "; or change the rule where your firewall is configured",
                certain);
    }

    private static Deque<String> words(String line) {
        Deque<String> words = new ArrayDeque<>();
        Matcher word = WORD.matcher(line);
        while (word.find()) {
            words.add(Optional.ofNullable(word.group(1)).orElseGet(word::group));
        }
        return words;
    }

    private void read(String line) {
        Deque<String> words = words(line.substring(3));
        String chain = words.remove();
        List<RuleCondition> conditions = new ArrayList<>();
        Effect effect = Effect.NONE;
        String target = "";
        boolean negated = false;
        while (!words.isEmpty()) {
            String option = words.remove();
            switch (option) {
                case "!" -> {
                    negated = true;
                    continue;
                }
                case "-j", "-g" -> {
                    target = words.isEmpty() ? "" : words.remove();
                    effect = effect(target, option.equals("-g"));
                    // What follows is about the target.
                    words.clear();
                }
                case "-m" -> {
                    if (words.isEmpty() || !READ.contains(words.remove())) {
                        conditions.add(RuleCondition.UNREADABLE);
                    }
                }
                case "--comment" -> words.poll();
                default -> {
                    RuleCondition condition = condition(option, words.isEmpty() ? "" : words.peek());
                    conditions.add(negated ? condition.negated() : condition);
                    if (!condition.equals(RuleCondition.UNREADABLE)) {
                        words.remove();
                    }
                }
            }
            negated = false;
        }
        ChainRule rule =
                new ChainRule(chain, conditions, effect, effect == Effect.JUMP || effect == Effect.GOTO ? target : "");
        lines.put(rule, line);
        chains.computeIfAbsent(chain, _ -> new ArrayList<>()).add(rule);
    }

    private Effect effect(String target, boolean gone) {
        if (chains.containsKey(target)) {
            return gone ? Effect.GOTO : Effect.JUMP;
        }
        return switch (target) {
            case "DROP", "REJECT" -> Effect.REFUSE;
            case "ACCEPT", "NFQUEUE", "QUEUE" -> Effect.ACCEPT;
            case "RETURN" -> Effect.RETURN;
            default -> GOING_ON.contains(target) ? Effect.NONE : Effect.UNKNOWN;
        };
    }

    /** What is asked of packets by an option and its value; unreadable where that is not known. */
    private static RuleCondition condition(String option, String value) {
        try {
            return switch (option) {
                case "-s" -> RuleCondition.source(block(value));
                case "-d" -> RuleCondition.destination(block(value));
                case "-i" -> RuleCondition.arrivedBy(beginning(value), value.endsWith("+"));
                case "-o" -> RuleCondition.leavesBy(beginning(value), value.endsWith("+"));
                case "-p" -> RuleCondition.protocol(protocol(value));
                case "--dport", "--dports" -> RuleCondition.destinationPort(ports(value));
                case "--sport", "--sports" -> RuleCondition.sourcePort(ports(value));
                case "--ctstate", "--state" ->
                    RuleCondition.state(
                            Stream.of(value.split(",", -1)).map(State::valueOf).toList());
                default -> RuleCondition.UNREADABLE;
            };
        } catch (IllegalArgumentException e) {
            // Such as a mask that is no prefix, or a state that only iptables knows.
            return RuleCondition.UNREADABLE;
        }
    }

    private static Cidr block(String value) {
        return value.contains("/") ? Cidr.parse(value) : Cidr.host(IpAddress.parse(value));
    }

    private static String beginning(String link) {
        return link.endsWith("+") ? link.substring(0, link.length() - 1) : link;
    }

    private static int protocol(String value) {
        Integer known = PROTOCOLS.get(value);
        return known == null ? Integer.parseInt(value) : known;
    }

    /** Such as {@code 53}, {@code 1024:65535}, {@code 53,80:90}. */
    private static List<Range> ports(String value) {
        return Stream.of(value.split(",", -1))
                .map(range -> {
                    String[] ends = range.split(":", -1);
                    return Range.ofPorts(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]));
                })
                .toList();
    }
}
