package dev.ikat.iptables;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.SetId;
import java.util.Optional;
import java.util.SortedSet;

/** What rules call the sets that they refer to. */
interface SetNames {
    /** What the members of a set are. */
    AddressSet.Form form(SetId id);

    /** The set's members of this family. */
    String name(SetId id, IpFamily family);

    /** A set of these prefixes; empty if there are none. */
    Optional<String> blocks(SortedSet<Cidr> prefixes, IpFamily family);
}
