package dev.ikat.ipam;

import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.NetworkName;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The lease store as one would explain it: lists, walked from their beginning. */
final class NaiveLeases {
    private final int maxCooling;
    private final Instant now;
    private final long pid;
    private final Map<Attachment, Lease> leases = new LinkedHashMap<>();
    private final List<IpAddress> cooling = new ArrayList<>();

    NaiveLeases(int maxCooling, Instant now, long pid) {
        this.maxCooling = maxCooling;
        this.now = now;
        this.pid = pid;
    }

    /** The lease, or the simple name of the exception that refuses it. */
    Object allocate(Attachment attachment, NetworkName network, AddressPlan plan, List<IpAddress> requested) {
        Lease known = leases.get(attachment);
        if (known != null) {
            return !known.network().equals(network)
                    ? "AttachmentTakenException"
                    : known.state() == LeaseState.RELEASING ? "LeaseBusyException" : known;
        }
        for (IpAddress wish : requested) {
            boolean usable = plan.ranges().stream().anyMatch(range -> range.contains(wish));
            boolean twin = requested.stream().anyMatch(o -> o.family() == wish.family() && !o.equals(wish));
            if (!usable || isLeased(wish) || twin) {
                return "AddressUnavailableException";
            }
        }
        List<IpAddress> chosen = new ArrayList<>();
        for (IpFamily family : plan.families()) {
            Optional<IpAddress> wish =
                    requested.stream().filter(a -> a.family() == family).findFirst();
            Optional<IpAddress> address = wish.or(() -> neverUsed(plan, family)).or(() -> longestFree(plan, family));
            if (address.isEmpty()) {
                return "AddressExhaustedException";
            }
            chosen.add(address.get());
        }
        Lease lease = new Lease(attachment, network, Optional.empty(), chosen, LeaseState.PENDING, now, pid);
        cooling.removeAll(chosen);
        leases.put(attachment, lease);
        return lease;
    }

    private boolean isLeased(IpAddress address) {
        return leases.values().stream().anyMatch(lease -> lease.addresses().contains(address));
    }

    private Optional<IpAddress> neverUsed(AddressPlan plan, IpFamily family) {
        for (AddressRange range : plan.ranges()) {
            if (range.family() != family) {
                continue;
            }
            IpAddress address = range.first();
            while (true) {
                if (range.contains(address) && !isLeased(address) && !cooling.contains(address)) {
                    return Optional.of(address);
                }
                if (address.equals(range.last())) {
                    break;
                }
                address = address.next();
            }
        }
        return Optional.empty();
    }

    private Optional<IpAddress> longestFree(AddressPlan plan, IpFamily family) {
        return cooling.stream()
                .filter(address ->
                        address.family() == family && plan.ranges().stream().anyMatch(range -> range.contains(address)))
                .findFirst();
    }

    Object activate(Attachment attachment) {
        Lease lease = leases.get(attachment);
        if (lease == null) {
            return "LeaseGoneException";
        }
        if (lease.state() == LeaseState.RELEASING) {
            return "LeaseBusyException";
        }
        Lease active = lease.in(LeaseState.ACTIVE, now, pid);
        leases.put(attachment, active);
        return active;
    }

    Object beginRelease(Attachment attachment) {
        Lease lease = leases.get(attachment);
        if (lease == null) {
            return Optional.empty();
        }
        Lease releasing = lease.in(LeaseState.RELEASING, now, pid);
        leases.put(attachment, releasing);
        return Optional.of(releasing);
    }

    Object free(Attachment attachment) {
        Lease lease = leases.remove(attachment);
        if (lease == null) {
            return false;
        }
        cooling.addAll(lease.addresses());
        while (cooling.size() > maxCooling) {
            cooling.removeFirst();
        }
        return true;
    }

    List<Lease> leases() {
        return List.copyOf(leases.values());
    }

    long leased(AddressRange range) {
        return leases.values().stream()
                .flatMap(lease -> lease.addresses().stream())
                .filter(range::contains)
                .count();
    }
}
