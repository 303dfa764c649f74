package dev.ikat.ipam;

import dev.ikat.model.IpAddress;
import java.util.LinkedHashSet;
import java.util.Optional;

/**
 * What of one range is used: kept beside the lease table, so that neither a full range nor a huge one makes the search
 * for a free address longer. An address is untouched, leased, or cooling (freed, in order). Not thread-safe.
 */
final class RangeIndex {
    private final AddressRange range;
    private final IntervalSet reserved;
    /** Reserved, leased and cooling: the first address that is not here was never used. */
    private final IntervalSet touched;

    private final LinkedHashSet<IpAddress> cooling = new LinkedHashSet<>();
    private final long size;
    private long leased;

    RangeIndex(AddressRange range) {
        this.range = range;
        this.reserved = range.reserved();
        this.touched = range.reserved();
        this.size = range.size();
    }

    private boolean covers(IpAddress address) {
        return address.family() == range.family()
                && address.compareTo(range.first()) >= 0
                && address.compareTo(range.last()) <= 0
                && !reserved.contains(address);
    }

    /** The address was free, and is leased now. */
    void leased(IpAddress address) {
        if (covers(address)) {
            leased++;
            touched.add(address);
            cooling.remove(address);
        }
    }

    /** The address was leased, and is cooling now. */
    void freed(IpAddress address) {
        if (covers(address)) {
            leased--;
            cooling.add(address);
        }
    }

    /** The address was cooling, or free as one that its range did not know, and goes to the end of the queue. */
    void cooled(IpAddress address) {
        if (covers(address)) {
            touched.add(address);
            cooling.remove(address);
            cooling.add(address);
        }
    }

    /** The address was cooling, and counts as never used from now on. */
    void forgotten(IpAddress address) {
        if (covers(address)) {
            cooling.remove(address);
            touched.remove(address);
        }
    }

    /** The lowest address that was never used. */
    Optional<IpAddress> untouched() {
        return touched.firstAbsent(range.first(), range.last());
    }

    /** The address that has been free for longest. */
    Optional<IpAddress> longestFree() {
        return cooling.isEmpty() ? Optional.empty() : Optional.of(cooling.getFirst());
    }

    RangeUsage usage() {
        return new RangeUsage(range, size, leased, cooling.size());
    }
}
