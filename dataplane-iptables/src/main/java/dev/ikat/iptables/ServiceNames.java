package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import java.util.Set;

/**
 * What the sets and chains of services are called. A program that replaces another as a whole has sets of another
 * generation, as policies have; the clients of backends with session affinity are of none, and so outlive it.
 *
 * @param generation the letter of the generation, a to l
 */
record ServiceNames(char generation) {
    /** What the names of all sets look like. */
    static final String SETS = "ikatsvc[46]([a-l]|-to)-.*";

    private static final String SET_PREFIX = "ikatsvc";

    /** The names in the first generation of which none of these sets is. */
    static ServiceNames beside(Set<String> present) {
        for (char generation = 'a'; generation <= 'l'; generation++) {
            ServiceNames names = new ServiceNames(generation);
            if (present.stream().noneMatch(names::isOfThisGeneration)) {
                return names;
            }
        }
        throw new IptablesException("every generation of services' sets from a to l has some; remove those that are "
                + "not in use with 'ipset destroy'");
    }

    private boolean isOfThisGeneration(String name) {
        return name.charAt(SET_PREFIX.length() + 1) == generation;
    }

    /** The name of a set. */
    String set(ServiceSet set, IpFamily family) {
        return SET_PREFIX + digit(family) + generation + "-" + set.role();
    }

    /** A match of what is in a set, by these fields of a packet; ends in a space. */
    String in(ServiceSet set, IpFamily family, String fields) {
        return "-m set --match-set " + set(set, family) + " " + fields + " ";
    }

    /** A match of what is not in a set, by these fields of a packet; ends in a space. */
    String notIn(ServiceSet set, IpFamily family, String fields) {
        return "-m set ! --match-set " + set(set, family) + " " + fields + " ";
    }

    /** The name of the set of a backend's clients. */
    static String clients(Frontend frontend, boolean outside, Backend backend) {
        return SET_PREFIX + digit(frontend.address().family()) + "-to-" + digest(frontend, outside, backend);
    }

    /** The chain of a frontend. */
    static String chain(Frontend frontend) {
        return ServiceChains.PREFIX + "TO-" + Sets.digest(frontend.toString());
    }

    /** The chain for connections to a frontend from inside, where they are treated otherwise. */
    static String inside(Frontend frontend) {
        return ServiceChains.PREFIX + "IN-" + Sets.digest(frontend.toString());
    }

    /** The chain of a backend that remembers its clients. */
    static String chain(Frontend frontend, boolean outside, Backend backend) {
        return ServiceChains.PREFIX + "AT-" + digest(frontend, outside, backend);
    }

    private static String digest(Frontend frontend, boolean outside, Backend backend) {
        return Sets.digest(frontend + (outside ? " outside " : " ") + backend);
    }

    private static char digit(IpFamily family) {
        return switch (family) {
            case IPV4 -> '4';
            case IPV6 -> '6';
        };
    }
}
