package dev.ikat.ipam;

import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.NetworkName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The leases and the queue of freed addresses, as the records of the log make them: only {@link #apply} changes them.
 * An address has at most one owner, and is never both owned and cooling. Not thread-safe.
 */
final class LeaseTable {
    /** How many ranges are indexed at a time; a node has one or two a network. */
    private static final int MAX_INDICES = 256;

    private final int maxCooling;
    private final Map<Attachment, Lease> leases = new LinkedHashMap<>();
    private final Map<IpAddress, Attachment> owners = new HashMap<>();
    /** The freed addresses, least recently freed first, with the number of the freeing. */
    private final LinkedHashMap<IpAddress, Long> cooling = new LinkedHashMap<>();

    private long freeings;

    private final LinkedHashMap<AddressRange, RangeIndex> indices = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<AddressRange, RangeIndex> eldest) {
            return size() > MAX_INDICES;
        }
    };

    /**
     * An empty table.
     *
     * @param maxCooling how many freed addresses are remembered; the longest free ones beyond it count as never used
     */
    LeaseTable(int maxCooling) {
        this.maxCooling = maxCooling;
    }

    void clear() {
        leases.clear();
        owners.clear();
        cooling.clear();
        indices.clear();
    }

    void apply(LeaseRecord record) {
        switch (record) {
            case LeaseRecord.Version _ -> {}
            case LeaseRecord.Leased(Lease lease) -> put(lease);
            case LeaseRecord.Freed(Attachment attachment, List<IpAddress> addresses) -> {
                remove(attachment);
                // A lease whose record was damaged is freed all the same, so its addresses cool down.
                addresses.forEach(this::coolUnlessOwned);
            }
            case LeaseRecord.Cooling(List<IpAddress> addresses) -> addresses.forEach(this::coolUnlessOwned);
        }
    }

    private void put(Lease lease) {
        Lease previous = leases.get(lease.attachment());
        if (previous != null && previous.addresses().equals(lease.addresses())) {
            leases.put(lease.attachment(), lease);
            return;
        }
        remove(lease.attachment());
        for (IpAddress address : lease.addresses()) {
            Attachment other = owners.get(address);
            if (other != null) {
                // It was free when this was written: the record of its freeing is damaged.
                remove(other);
            }
            cooling.remove(address);
            owners.put(address, lease.attachment());
            indices.values().forEach(index -> index.leased(address));
        }
        leases.put(lease.attachment(), lease);
    }

    private void remove(Attachment attachment) {
        Lease lease = leases.remove(attachment);
        if (lease == null) {
            return;
        }
        for (IpAddress address : lease.addresses()) {
            owners.remove(address);
            cooling.put(address, freeings++);
            indices.values().forEach(index -> index.freed(address));
        }
        forgetBeyondLimit();
    }

    private void coolUnlessOwned(IpAddress address) {
        if (!owners.containsKey(address)) {
            cooling.remove(address);
            cooling.put(address, freeings++);
            indices.values().forEach(index -> index.cooled(address));
            forgetBeyondLimit();
        }
    }

    private void forgetBeyondLimit() {
        while (cooling.size() > maxCooling) {
            IpAddress eldest = cooling.firstEntry().getKey();
            cooling.remove(eldest);
            indices.values().forEach(index -> index.forgotten(eldest));
        }
    }

    /** The records that make this table out of an empty one. */
    List<LeaseRecord> snapshot() {
        List<LeaseRecord> records = new ArrayList<>(leases.size() + 16);
        records.add(new LeaseRecord.Version(LeaseRecord.VERSION));
        leases.values().forEach(lease -> records.add(new LeaseRecord.Leased(lease)));
        List<IpAddress> freed = List.copyOf(cooling.keySet());
        for (int i = 0; i < freed.size(); i += 64) {
            records.add(new LeaseRecord.Cooling(freed.subList(i, Math.min(i + 64, freed.size()))));
        }
        return records;
    }

    Optional<Lease> find(Attachment attachment) {
        return Optional.ofNullable(leases.get(attachment));
    }

    List<Lease> leases() {
        return List.copyOf(leases.values());
    }

    RangeUsage usage(AddressRange range) {
        return index(range).usage();
    }

    /**
     * One free address of each family of the plan: the requested one, else the lowest that was never used, else the one
     * that has been free for longest.
     */
    List<IpAddress> choose(NetworkName network, AddressPlan plan, List<IpAddress> requested) {
        Map<IpFamily, IpAddress> wishes = new HashMap<>();
        for (IpAddress wish : requested) {
            check(wish, plan);
            IpAddress other = wishes.put(wish.family(), wish);
            if (other != null && !other.equals(wish)) {
                throw new AddressUnavailableException(
                        wish,
                        "can't be assigned together with " + other + ": an interface gets one address of each family");
            }
        }
        List<IpAddress> chosen = new ArrayList<>(2);
        for (IpFamily family : plan.families()) {
            IpAddress wish = wishes.get(family);
            chosen.add(wish != null ? wish : chooseFree(network, plan, family));
        }
        return chosen;
    }

    private void check(IpAddress wish, AddressPlan plan) {
        List<String> reasons = new ArrayList<>();
        boolean covered = false;
        for (AddressRange range : plan.ranges()) {
            Optional<String> reason = range.whyNot(wish);
            reason.ifPresent(reasons::add);
            covered |= reason.isEmpty();
        }
        if (!covered) {
            // Inside one range and excluded there says more than being outside the others.
            String reason = reasons.stream()
                    .filter(each -> !each.startsWith("is outside"))
                    .findFirst()
                    .orElseGet(() -> String.join(" and ", reasons));
            throw new AddressUnavailableException(wish, reason);
        }
        requireFree(wish);
    }

    void requireFree(IpAddress address) {
        Attachment owner = owners.get(address);
        if (owner != null) {
            throw new AddressUnavailableException(address, "is leased to " + owner);
        }
    }

    /** Whether nobody has any of the lease's addresses, nor its attachment a lease. */
    boolean hasRoomFor(Lease lease) {
        return !leases.containsKey(lease.attachment())
                && lease.addresses().stream().noneMatch(owners::containsKey);
    }

    private IpAddress chooseFree(NetworkName network, AddressPlan plan, IpFamily family) {
        @Nullable IpAddress longestFree = null;
        long earliest = Long.MAX_VALUE;
        for (AddressRange range : plan.ranges()) {
            if (range.family() != family) {
                continue;
            }
            RangeIndex index = index(range);
            Optional<IpAddress> untouched = index.untouched();
            if (untouched.isPresent()) {
                return untouched.get();
            }
            Optional<IpAddress> freed = index.longestFree();
            if (freed.isPresent()) {
                Long freeing = cooling.get(freed.get());
                if (freeing != null && freeing < earliest) {
                    earliest = freeing;
                    longestFree = freed.get();
                }
            }
        }
        if (longestFree == null) {
            throw new AddressExhaustedException(
                    network,
                    family,
                    plan.ranges().stream()
                            .filter(range -> range.family() == family)
                            .map(this::usage)
                            .toList());
        }
        return longestFree;
    }

    private RangeIndex index(AddressRange range) {
        RangeIndex known = indices.get(range);
        if (known != null) {
            return known;
        }
        RangeIndex index = new RangeIndex(range);
        owners.keySet().forEach(index::leased);
        cooling.keySet().forEach(index::cooled);
        indices.put(range, index);
        return index;
    }
}
