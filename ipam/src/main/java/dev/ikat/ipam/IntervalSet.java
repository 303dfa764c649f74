package dev.ikat.ipam;

import dev.ikat.model.IpAddress;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A set of addresses of one family as its maximal runs: no two runs touch. So the first address that is not in it is
 * found in O(log n) however full it is, and a /64 costs no more than a /24. Not thread-safe.
 */
public final class IntervalSet {
    private final NavigableMap<IpAddress, IpAddress> lastByFirst = new TreeMap<>();

    /** The empty set. */
    public IntervalSet() {}

    /** Whether the address is in it. */
    boolean contains(IpAddress address) {
        Map.@Nullable Entry<IpAddress, IpAddress> run = lastByFirst.floorEntry(address);
        return run != null && run.getValue().compareTo(address) >= 0;
    }

    /** Adds an address. */
    public void add(IpAddress address) {
        add(address, address);
    }

    /** Adds every address from {@code first} to {@code last}, both included. */
    void add(IpAddress first, IpAddress last) {
        IpAddress start = first;
        IpAddress end = last;
        Map.@Nullable Entry<IpAddress, IpAddress> run = lastByFirst.floorEntry(first);
        if (run != null && reaches(run.getValue(), first)) {
            start = run.getKey();
            end = max(end, run.getValue());
        }
        run = lastByFirst.higherEntry(start);
        while (run != null && reaches(end, run.getKey())) {
            end = max(end, run.getValue());
            lastByFirst.remove(run.getKey());
            run = lastByFirst.higherEntry(start);
        }
        lastByFirst.put(start, end);
    }

    /** Whether a run that ends at {@code end} meets or touches one that starts at {@code start}. */
    private static boolean reaches(IpAddress end, IpAddress start) {
        return end.compareTo(start) >= 0 || start.distanceFrom(end) == 1;
    }

    private static IpAddress max(IpAddress one, IpAddress other) {
        return one.compareTo(other) >= 0 ? one : other;
    }

    /** Removes an address. */
    public void remove(IpAddress address) {
        Map.@Nullable Entry<IpAddress, IpAddress> run = lastByFirst.floorEntry(address);
        if (run == null || run.getValue().compareTo(address) < 0) {
            return;
        }
        IpAddress first = run.getKey();
        IpAddress last = run.getValue();
        if (first.equals(address)) {
            lastByFirst.remove(first);
        } else {
            lastByFirst.put(first, before(address));
        }
        if (!last.equals(address)) {
            lastByFirst.put(address.next(), last);
        }
    }

    private static IpAddress before(IpAddress address) {
        return new IpAddress(
                address.family(), address.low() == 0 ? address.high() - 1 : address.high(), address.low() - 1);
    }

    /** The lowest address from {@code first} to {@code last} that is not in the set. */
    public Optional<IpAddress> firstAbsent(IpAddress first, IpAddress last) {
        Map.@Nullable Entry<IpAddress, IpAddress> run = lastByFirst.floorEntry(first);
        if (run == null || run.getValue().compareTo(first) < 0) {
            return Optional.of(first);
        }
        return run.getValue().compareTo(last) >= 0
                ? Optional.empty()
                : Optional.of(run.getValue().next());
    }

    /** How many addresses are in it; {@link Long#MAX_VALUE} stands for that many and more. */
    long count() {
        long count = 0;
        for (Map.Entry<IpAddress, IpAddress> run : lastByFirst.entrySet()) {
            long distance = run.getValue().distanceFrom(run.getKey());
            if (distance < 0 || count + distance + 1 < 0) {
                return Long.MAX_VALUE;
            }
            count += distance + 1;
        }
        return count;
    }

    @Override
    public String toString() {
        return lastByFirst.toString();
    }
}
