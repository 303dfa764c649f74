package dev.ikat.iptables;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Frontend;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.Function;

/**
 * The chains that lead a packet to the chain of its frontend. A branch has one rule for each value of the next four
 * bits in which its frontends differ: of the destination address, and where that is the same, of the port. So a packet
 * passes some ten rules for each factor of sixteen in the number of frontends.
 */
final class ServiceTree {
    /** The chain with which it begins. */
    static final String ROOT = ServiceChains.PREFIX + "ROOT";

    private static final String BRANCH = ServiceChains.PREFIX + "BY-";
    /** A branch has at most 2 to this many rules. */
    private static final int BITS = 4;
    /** With fewer frontends there are no branches: about what a branch has of its own. */
    private static final int LARGEST_LEAF = 12;

    private final Map<String, List<String>> chains = new LinkedHashMap<>();

    private ServiceTree() {}

    /**
     * The chains that lead to these frontends.
     *
     * @param rules the rule that leads to the chain of each, all of one family
     */
    static Map<String, List<String>> of(SortedMap<Frontend, String> rules) {
        ServiceTree tree = new ServiceTree();
        tree.chains.put(ROOT, tree.branch(List.copyOf(rules.keySet()), rules));
        return tree.chains;
    }

    /** Whether a chain of this name belongs to it. */
    static boolean owns(String chain) {
        return chain.equals(ROOT) || chain.startsWith(BRANCH);
    }

    private List<String> branch(List<Frontend> frontends, Map<Frontend, String> rules) {
        if (frontends.size() <= LARGEST_LEAF) {
            return frontends.stream().map(rules::get).toList();
        }
        Map<String, List<Frontend>> groups = new LinkedHashMap<>();
        Function<Frontend, String> division = division(frontends.getFirst(), frontends.getLast());
        frontends.forEach(frontend -> groups.computeIfAbsent(division.apply(frontend), _ -> new ArrayList<>())
                .add(frontend));
        List<String> branch = new ArrayList<>();
        groups.forEach((match, group) -> {
            if (group.size() == 1) {
                branch.addAll(branch(group, rules));
            } else {
                String chain = BRANCH + Sets.digest(match);
                branch.add(match + " -g " + chain);
                chains.put(chain, branch(group, rules));
            }
        });
        return branch;
    }

    /** What is to match the group of a frontend, of all between these two. */
    private static Function<Frontend, String> division(Frontend first, Frontend last) {
        if (!first.address().equals(last.address())) {
            int length = Math.min(
                    commonBits(first.address(), last.address()) + BITS,
                    first.address().family().bits());
            return frontend -> "-d " + Cidr.containing(frontend.address(), length);
        }
        String address = "-d " + Cidr.host(first.address()) + " -p ";
        if (first.protocol() != last.protocol()) {
            return frontend -> address + protocol(frontend);
        }
        String ports = address + protocol(first) + " -m " + protocol(first) + " --dport ";
        int differing = Integer.SIZE - Integer.numberOfLeadingZeros(first.port() ^ last.port());
        int shift = Math.max(differing - BITS, 0);
        return frontend -> {
            int low = frontend.port() >> shift << shift;
            int high = low + (1 << shift) - 1;
            return ports + (low == high ? low : Math.max(low, 1) + ":" + high);
        };
    }

    private static int commonBits(IpAddress one, IpAddress other) {
        int length = 0;
        while (Cidr.containing(one, length + 1).contains(other)) {
            length++;
        }
        return length;
    }

    private static String protocol(Frontend frontend) {
        return frontend.protocol().name().toLowerCase(Locale.ROOT);
    }
}
