package dev.ikat.policy.compiler;

import dev.ikat.model.IpAddress;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;

/**
 * An address that several are said to have.
 *
 * @param address the address
 * @param claimants who is said to have it, in words
 * @param believed which of them are taken to have it; where that is more than one, only what the labels of each of them
 *     would open is open
 */
public record AddressContest(IpAddress address, Set<String> claimants, Set<String> believed) {
    public AddressContest {
        claimants = Collections.unmodifiableSet(new TreeSet<>(claimants));
        believed = Collections.unmodifiableSet(new TreeSet<>(believed));
    }

    /**
     * In words, as in {@code 10.0.0.9 is claimed by Pod shop/old and Pod shop/new; Pod shop/new is taken to have it}.
     */
    @Override
    public String toString() {
        String taken = believed.size() == 1
                ? believed.iterator().next() + " is taken to have it"
                : "nobody can say which of " + String.join(" and ", believed)
                        + " has it, so policies open to it only what they open to each";
        return address + " is claimed by " + String.join(" and ", claimants) + "; " + taken;
    }
}
