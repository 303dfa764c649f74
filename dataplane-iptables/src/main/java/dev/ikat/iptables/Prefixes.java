package dev.ikat.iptables;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Blocks with holes as prefixes without: what an address set can hold, and what it can't get wrong. */
final class Prefixes {
    private Prefixes() {}

    /** Prefixes whose addresses of this family are those in any block and not in that block's holes. */
    static SortedSet<Cidr> of(List<IpBlock> blocks, IpFamily family) {
        Set<Cidr> prefixes = new TreeSet<>();
        for (IpBlock block : blocks) {
            if (block.cidr().family() == family) {
                subtract(block.cidr(), block.except(), prefixes);
            }
        }
        // One within another would be refused as being there already.
        TreeSet<Cidr> widest = new TreeSet<>();
        for (Cidr prefix : prefixes) {
            if (widest.isEmpty() || !widest.last().contains(prefix)) {
                widest.add(prefix);
            }
        }
        return widest;
    }

    private static void subtract(Cidr prefix, List<Cidr> holes, Set<Cidr> into) {
        List<Cidr> within = new ArrayList<>();
        for (Cidr hole : holes) {
            if (hole.contains(prefix)) {
                return;
            }
            if (prefix.contains(hole)) {
                within.add(hole);
            }
        }
        // A set of networks has no prefix of length 0: its halves are in its place.
        if (within.isEmpty() && prefix.prefixLength() > 0) {
            into.add(prefix);
            return;
        }
        for (Cidr half : halves(prefix)) {
            subtract(half, within, into);
        }
    }

    private static List<Cidr> halves(Cidr prefix) {
        int length = prefix.prefixLength() + 1;
        IpAddress last = prefix.last();
        return List.of(Cidr.containing(prefix.first(), length), Cidr.containing(last, length));
    }
}
