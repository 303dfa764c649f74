package dev.ikat.bgp;

import dev.ikat.bgp.RouteGroup.Reasons;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.model.Cidr;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What one node announces, and why: the blocks of its pods, the addresses of services, and the aggregates that stand
 * for them. An address that comes or goes costs the same however many others there are; for another node or other
 * advertisements a new one of these is made. Not thread-safe.
 */
public final class AnnouncedRoutes {
    private final List<BgpAdvertisement> advertisements;
    private final Map<Cidr, Claims> claims = new HashMap<>();
    private final SortedMap<Reasons, SortedSet<Cidr>> groups = new TreeMap<>();

    /** How many blocks and addresses have a prefix announced. */
    private static final class Claims {
        private int ofNodes;
        private final SortedMap<String, Integer> ofAdvertisements = new TreeMap<>();

        private Reasons reasons() {
            return new Reasons(ofNodes > 0, List.copyOf(ofAdvertisements.keySet()));
        }
    }

    /**
     * What follows from these objects.
     *
     * @param self this node
     * @param all every advertisement, also those that other nodes follow
     * @param services the addresses of services that this node can be sent packets for
     */
    public AnnouncedRoutes(
            BgpSettings settings, BgpNode self, Collection<BgpAdvertisement> all, Collection<ServiceAddress> services) {
        advertisements = all.stream()
                .filter(advertisement -> advertisement.nodeSelector().matches(self.labels()))
                .toList();
        for (Cidr block : self.podCidrs()) {
            if (settings.podRoutes()) {
                change(block, claim -> claim.ofNodes++);
            }
            advertisements.stream()
                    .filter(BgpAdvertisement::podCidrs)
                    .forEach(advertisement -> claim(aggregated(block, advertisement), advertisement));
        }
        services.forEach(this::add);
    }

    /** This node can be sent packets for an address for which it could not be sent any. */
    public void add(ServiceAddress service) {
        for (BgpAdvertisement advertisement : advertisements) {
            if (advertisement.services().contains(service.kind())) {
                claim(prefix(service, advertisement), advertisement);
            }
        }
    }

    /** This node can no longer be sent packets for an address. */
    public void remove(ServiceAddress service) {
        for (BgpAdvertisement advertisement : advertisements) {
            if (advertisement.services().contains(service.kind())) {
                change(
                        prefix(service, advertisement),
                        claim -> claim.ofAdvertisements.computeIfPresent(
                                advertisement.name(), (_, count) -> count == 1 ? null : count - 1));
            }
        }
    }

    private void claim(Cidr prefix, BgpAdvertisement advertisement) {
        change(prefix, claim -> claim.ofAdvertisements.merge(advertisement.name(), 1, Integer::sum));
    }

    /** A change of what claims a prefix. */
    @FunctionalInterface
    private interface Change {
        Object of(Claims claims);
    }

    private void change(Cidr prefix, Change change) {
        Claims claim = claims.computeIfAbsent(prefix, _ -> new Claims());
        Reasons before = claim.reasons();
        Object _ = change.of(claim);
        Reasons after = claim.reasons();
        if (after.equals(before)) {
            return;
        }
        if (!before.isNone()) {
            groups.computeIfPresent(before, (_, prefixes) -> {
                prefixes.remove(prefix);
                return prefixes.isEmpty() ? null : prefixes;
            });
        }
        if (after.isNone()) {
            claims.remove(prefix);
        } else {
            groups.computeIfAbsent(after, _ -> new TreeSet<>()).add(prefix);
        }
    }

    /** No aggregate stands for an address that only some nodes can be sent packets for. */
    private static Cidr prefix(ServiceAddress service, BgpAdvertisement advertisement) {
        Cidr host = Cidr.host(service.address());
        return service.everywhere() ? aggregated(host, advertisement) : host;
    }

    /** The widest aggregate that the block is in, or the block itself. */
    private static Cidr aggregated(Cidr block, BgpAdvertisement advertisement) {
        return advertisement.aggregates().stream()
                .filter(aggregate -> aggregate.contains(block))
                .min(Comparator.comparingInt(Cidr::prefixLength))
                .orElse(block);
    }

    /** All that is announced now, by reasons. */
    public List<RouteGroup> groups() {
        return groups.entrySet().stream()
                .map(group -> new RouteGroup(group.getKey(), List.copyOf(group.getValue())))
                .toList();
    }
}
