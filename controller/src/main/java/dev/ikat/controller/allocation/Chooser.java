package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.controller.allocation.Refusal.Reason;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;

/**
 * Finds an address for a service that lacks one: the one that it asks for; or one that it can share; or the lowest of
 * the first pool by name that has one; or, where all are in use, the one that was freed first. Not thread-safe.
 */
final class Chooser {
    private final Spaces spaces;
    private final BiPredicate<AddressPool, LoadBalancerService> permits;
    private final Map<Group, Set<Claimant>> groups = new HashMap<>();

    /** Where nothing was left for those before, who are many where addresses are few. */
    private final Map<Room, Choice> exhausted = new HashMap<>();

    private record Room(IpFamily family, List<PoolSpace> pools) {}

    /** Services that may share addresses. */
    private record Group(String namespace, String sharingKey) {
        static Optional<Group> of(LoadBalancerService service) {
            return service.traffic().sharingKey().map(key -> new Group(service.namespace(), key));
        }
    }

    /** @param permits whether a service may have a pool's addresses */
    Chooser(Spaces spaces, BiPredicate<AddressPool, LoadBalancerService> permits) {
        this.spaces = spaces;
        this.permits = permits;
    }

    /** The service may share addresses with others of its group from now on. */
    void group(Claimant claimant) {
        Group.of(claimant.service())
                .ifPresent(group -> groups.computeIfAbsent(group, _ -> new TreeSet<>(Claimant.SENIORITY))
                        .add(claimant));
    }

    /** It may not any more; to be called before it becomes another. */
    void ungroup(Claimant claimant) {
        Group.of(claimant.service())
                .ifPresent(group -> groups.computeIfPresent(group, (_, members) -> {
                    members.remove(claimant);
                    return members.isEmpty() ? null : members;
                }));
    }

    /** From now on nothing is freed until this is called again. */
    void begin() {
        exhausted.clear();
    }

    /** An address of a family that the service has none of. */
    Choice choose(Claimant claimant, Demand demand, IpFamily family) {
        for (IpAddress asked : demand.addresses()) {
            if (asked.family() == family) {
                return asked(claimant, demand, asked);
            }
        }
        List<PoolSpace> pools;
        if (demand.pool().isPresent()) {
            String name = demand.pool().get();
            Optional<PoolSpace> named = spaces.named(name);
            if (named.isEmpty()) {
                return none(
                        Reason.UNKNOWN_POOL,
                        "there is no AddressPool " + name + " in force; correct the annotation "
                                + LoadBalancerService.POOL);
            }
            if (!permits.test(named.get().pool(), claimant.service())) {
                return none(
                        Reason.NOT_PERMITTED,
                        "AddressPool " + name + " is not for this service; see its serviceSelector and "
                                + "namespaceSelector");
            }
            pools = List.of(named.get());
        } else {
            pools = spaces.all().stream()
                    .filter(space -> space.pool().autoAssign() && permits.test(space.pool(), claimant.service()))
                    .toList();
        }
        List<PoolSpace> ofFamily =
                pools.stream().filter(space -> space.has(family)).toList();
        if (ofFamily.isEmpty()) {
            return none(
                    Reason.NOT_PERMITTED,
                    "no AddressPool" + demand.pool().map(name -> " " + name).orElse("") + " gives " + family.title()
                            + " addresses to this service; see its labels and the pools' autoAssign, serviceSelector "
                            + "and namespaceSelector");
        }
        return shared(claimant, family, ofFamily)
                .or(() -> unshared(family, ofFamily))
                .<Choice>map(Choice.Chosen::new)
                .orElseGet(() -> exhausted.computeIfAbsent(new Room(family, ofFamily), Chooser::none));
    }

    private Optional<IpAddress> unshared(IpFamily family, List<PoolSpace> pools) {
        return exhausted.containsKey(new Room(family, pools))
                ? Optional.empty()
                : fresh(family, pools).or(() -> coolest(family, pools));
    }

    private static Choice none(Room room) {
        return none(
                Reason.EXHAUSTED,
                "all " + room.family().title() + " addresses are in use of AddressPool "
                        + room.pools().stream()
                                .map(space -> space.pool().name())
                                .collect(Collectors.joining(", "))
                        + "; add addresses to it");
    }

    private static Choice none(Reason reason, String message) {
        return new Choice.None(new Refusal(reason, message));
    }

    private Choice asked(Claimant claimant, Demand demand, IpAddress asked) {
        Optional<PoolSpace> space = spaces.of(asked);
        if (space.isEmpty()) {
            return none(
                    Reason.NOT_IN_POOL, asked + " is in no AddressPool in force; add it to one, or ask for another");
        }
        String name = space.get().pool().name();
        if (demand.pool().isPresent() && !demand.pool().get().equals(name)) {
            return none(
                    Reason.NOT_IN_POOL,
                    asked + " is of AddressPool " + name + ", not of "
                            + demand.pool().get() + "; correct one of the annotations");
        }
        if (!permits.test(space.get().pool(), claimant.service())) {
            return none(
                    Reason.NOT_PERMITTED,
                    "AddressPool " + name + ", which has " + asked
                            + ", is not for this service; see its serviceSelector and namespaceSelector");
        }
        Optional<Claimant> inTheWay = spaces.holders(asked).stream()
                .filter(other -> !other.service().canShareWith(claimant.service()))
                .min(Claimant.SENIORITY);
        if (inTheWay.isPresent()) {
            return none(
                    Reason.IN_USE,
                    asked + " is the address of " + inTheWay.get().key()
                            + "; ask for another, or have both share it by "
                            + "one value of the annotation " + LoadBalancerService.SHARING_KEY
                            + " in one namespace, with different ports");
        }
        return new Choice.Chosen(asked);
    }

    /** The address of the oldest service of its group at which there is room beside all that have it. */
    private Optional<IpAddress> shared(Claimant claimant, IpFamily family, List<PoolSpace> pools) {
        return Group.of(claimant.service()).map(groups::get).stream()
                .flatMap(Set::stream)
                .flatMap(member -> member.held().stream())
                .filter(address -> address.family() == family)
                .filter(address -> spaces.of(address).filter(pools::contains).isPresent())
                .filter(address -> spaces.holders(address).stream()
                        .allMatch(other -> other.service().canShareWith(claimant.service())))
                .findFirst();
    }

    private static Optional<IpAddress> fresh(IpFamily family, List<PoolSpace> pools) {
        return pools.stream()
                .map(space -> space.fresh(family))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<IpAddress> coolest(IpFamily family, List<PoolSpace> pools) {
        return pools.stream()
                .map(space -> space.coolest(family))
                .flatMap(Optional::stream)
                .min(Comparator.comparing(Map.Entry<IpAddress, Instant>::getValue))
                .map(Map.Entry::getKey);
    }
}
