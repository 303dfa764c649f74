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
}
