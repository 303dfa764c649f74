package dev.ikat.nftables;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Blocks of addresses as what an interval set takes: ranges in order, none of which touches another. */
final class AddressRanges {
    private record Range(IpAddress first, IpAddress last) {
        String text() {
            return first.equals(last) ? first.toString() : first + "-" + last;
        }
    }

    private AddressRanges() {}

    /** The addresses of one family that are in any of the blocks, and not in that block's holes. */
    static List<String> of(List<IpBlock> blocks, IpFamily family) {
        List<Range> ranges = new ArrayList<>();
        for (IpBlock block : blocks) {
            if (block.cidr().family() == family) {
                ranges.addAll(without(block));
            }
        }
        return merged(ranges).stream().map(Range::text).toList();
    }

    private static List<Range> without(IpBlock block) {
        List<Range> holes = merged(block.except().stream()
                .map(hole -> new Range(hole.first(), hole.last()))
                .toList());
        List<Range> rest = new ArrayList<>();
        Cidr cidr = block.cidr();
        IpAddress from = cidr.first();
        for (Range hole : holes) {
            if (from.compareTo(hole.first()) < 0) {
                rest.add(new Range(from, hole.first().previous()));
            }
            if (hole.last().equals(cidr.last())) {
                return rest;
            }
            from = hole.last().next();
        }
        rest.add(new Range(from, cidr.last()));
        return rest;
    }

    private static List<Range> merged(List<Range> ranges) {
        List<Range> merged = new ArrayList<>();
        for (Range range :
                ranges.stream().sorted(Comparator.comparing(Range::first)).toList()) {
            Range before = merged.isEmpty() ? null : merged.getLast();
            if (before != null && touches(before.last(), range.first())) {
                IpAddress last = before.last().compareTo(range.last()) < 0 ? range.last() : before.last();
                merged.set(merged.size() - 1, new Range(before.first(), last));
            } else {
                merged.add(range);
            }
        }
        return merged;
    }

    private static boolean touches(IpAddress last, IpAddress first) {
        return first.compareTo(last) <= 0 || first.previous().equals(last);
    }
}
