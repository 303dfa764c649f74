package dev.ikat.iptables;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which chains of a table refuse whatever no rule has decided before: by their policy, or by a rule without conditions.
 * A rule with a condition refuses something in particular, and does not count.
 */
final class Refusals {
    private static final Pattern COMMENT = Pattern.compile("-m comment --comment (\"(\\\\.|[^\"\\\\])*\"|\\S+)");
    private static final Pattern SPACE = Pattern.compile("\\s+");

    private final Map<String, List<String>> chains = new HashMap<>();
    private final Set<String> dropping = new HashSet<>();

    /** What becomes of a packet that no condition applies to. */
    private enum Fate {
        REFUSED,
        DECIDED,
        GOES_ON
    }

    private Refusals(String saved) {
        saved.lines().forEach(line -> {
            if (line.startsWith(":")) {
                String[] words = SPACE.split(line.substring(1), -1);
                chains.computeIfAbsent(words[0], _ -> new ArrayList<>());
                if (words.length > 1 && words[1].equals("DROP")) {
                    dropping.add(words[0]);
                }
            } else if (line.startsWith("-A ")) {
                String[] words = line.split(" ", 3);
                chains.computeIfAbsent(words[1], _ -> new ArrayList<>()).add(words.length < 3 ? "" : words[2]);
            }
        });
    }

    /** @param saved one table, as {@code iptables-save} prints it */
    static Refusals in(String saved) {
        return new Refusals(saved);
    }

    boolean has(String chain) {
        return chains.containsKey(chain);
    }

    private List<String> rules(String chain) {
        return chains.getOrDefault(chain, List.of());
    }

    /** Whether a chain of the kernel's refuses what no rule of others has decided. */
    boolean refuses(String hook) {
        return dropping.contains(hook)
                || firstRefusal(rules(hook)) < rules(hook).size();
    }

    /**
     * Whether a packet that no other rule decides comes to this chain: there is one jump to it, before anything that
     * refuses. Also where nothing refuses.
     */
    boolean admits(String hook, String chain) {
        List<String> rules = rules(hook);
        List<Integer> jumps = new ArrayList<>();
        for (int i = 0; i < rules.size(); i++) {
            if (rules.get(i).equals("-j " + chain)) {
                jumps.add(i);
            }
        }
        return !refuses(hook) || (jumps.size() == 1 && jumps.getFirst() < firstRefusal(rules));
    }

    /** How many rules have to be before the jump to this chain, once there is no other jump to it. */
    int place(String hook, String chain) {
        return firstRefusal(
                rules(hook).stream().filter(rule -> !rule.equals("-j " + chain)).toList());
    }

    /** The index of the first rule that refuses whatever comes to it; the number of rules if none does. */
    private int firstRefusal(List<String> rules) {
        for (int i = 0; i < rules.size(); i++) {
            Fate fate = fate(rules.get(i), new HashSet<>());
            if (fate == Fate.REFUSED) {
                return i;
            }
            if (fate == Fate.DECIDED) {
                break;
            }
        }
        return rules.size();
    }

    private Fate fate(String rule, Set<String> visited) {
        String[] words = SPACE.split(COMMENT.matcher(rule).replaceAll("").strip(), -1);
        if (words.length < 2 || !(words[0].equals("-j") || words[0].equals("-g"))) {
            return Fate.GOES_ON;
        }
        return switch (words[1]) {
            case "DROP", "REJECT" -> Fate.REFUSED;
            case "ACCEPT", "RETURN", "QUEUE", "NFQUEUE" -> Fate.DECIDED;
            default -> {
                String chain = words[1];
                // Chains of Ikat's are policies' and the guard's, which refuse by conditions only.
                if (!has(chain) || chain.startsWith(Chains.PREFIX) || !visited.add(chain)) {
                    yield Fate.GOES_ON;
                }
                Fate fate = fateIn(chain, visited);
                yield fate == Fate.GOES_ON && words[0].equals("-g") ? Fate.DECIDED : fate;
            }
        };
    }

    private Fate fateIn(String chain, Set<String> visited) {
        for (String rule : rules(chain)) {
            if (COMMENT.matcher(rule).replaceAll("").strip().startsWith("-j RETURN")) {
                return Fate.GOES_ON;
            }
            Fate fate = fate(rule, visited);
            if (fate != Fate.GOES_ON) {
                return fate;
            }
        }
        return Fate.GOES_ON;
    }
}
