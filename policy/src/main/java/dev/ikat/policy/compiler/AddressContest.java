package dev.ikat.policy.compiler;

import dev.ikat.model.IpAddress;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;

/**
 * An address that several pods claim.
 *
 * @param address the address
 * @param claimants those who claim it, in words
 * @param believed those of them that policies believe; if there is more than one, policies allow only what they allow
 *     for each of them
 */
public record AddressContest(IpAddress address, Set<String> claimants, Set<String> believed) {
    public AddressContest {
        claimants = Collections.unmodifiableSet(new TreeSet<>(claimants));
        believed = Collections.unmodifiableSet(new TreeSet<>(believed));
    }

    /** In words, as in {@code 10.0.0.9 is claimed by Pod shop/old and Pod shop/new; policies believe Pod shop/new}. */
    @Override
    public String toString() {
        String taken = believed.size() == 1
                ? "policies believe " + believed.iterator().next()
                : "it is not known which of " + String.join(" and ", believed)
                        + " has it, so policies allow only what they allow for each of them";
        return address + " is claimed by " + String.join(" and ", claimants) + "; " + taken;
    }
}
