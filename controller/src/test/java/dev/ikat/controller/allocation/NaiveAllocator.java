package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.Namespace;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The rules of the allocator without any of what makes it quick: every step goes through all services and all addresses
 * of all pools. Pools that overlap each other are not given to it.
 */
final class NaiveAllocator {
    private final Rules rules;
    final Map<String, AddressPool> pools = new TreeMap<>();
    private final Map<String, Labels> namespaces = new HashMap<>();
    private final Map<String, LoadBalancerService> services = new TreeMap<>();
    final Map<String, List<IpAddress>> held = new TreeMap<>();
    private final Map<IpAddress, Instant> freed = new LinkedHashMap<>();
    private Instant now = Instant.EPOCH;

    NaiveAllocator(Rules rules) {
        this.rules = rules;
    }

    private static String id(LoadBalancerService service) {
        return service.namespace() + "/" + service.name();
    }

    void step(List<ClusterObject> removed, List<ClusterObject> present, Instant at) {
        now = at;
        freed.values().removeIf(since -> !since.isAfter(now.minus(rules.coolDown())));
        for (ClusterObject object : removed) {
            switch (object) {
                case LoadBalancerService service -> {
                    services.remove(id(service));
                    List<IpAddress> had = held.remove(id(service));
                    for (IpAddress address : had == null ? List.<IpAddress>of() : had) {
                        freeIfUnused(address);
                    }
                }
                case AddressPool pool -> pools.remove(pool.name());
                case Namespace namespace -> namespaces.remove(namespace.name());
                default -> throw new AssertionError(object);
            }
        }
        List<LoadBalancerService> fresh = new ArrayList<>();
        for (ClusterObject object : present) {
            switch (object) {
                case LoadBalancerService service -> {
                    if (services.put(id(service), service) == null) {
                        fresh.add(service);
                    }
                }
                case AddressPool pool -> pools.put(pool.name(), pool);
                case Namespace namespace -> namespaces.put(namespace.name(), namespace.labels());
                default -> throw new AssertionError(object);
            }
        }
        freed.keySet().removeIf(address -> pool(address).isEmpty());
        keep(fresh);
        fill();
    }

    private List<LoadBalancerService> bySeniority() {
        return services.values().stream()
                .sorted(Comparator.comparing((LoadBalancerService service) ->
                                service.created().orElse(Instant.MAX))
                        .thenComparing(LoadBalancerService::key))
                .toList();
    }

    /** Claims of all, the oldest first; what is claimed before is the other's. */
    private void keep(List<LoadBalancerService> fresh) {
        Map<String, List<IpAddress>> before = new HashMap<>(held);
        fresh.forEach(service -> before.put(id(service), service.ingress()));
        Map<String, List<IpAddress>> after = new TreeMap<>();
        for (LoadBalancerService service : bySeniority()) {
            List<IpAddress> kept = new ArrayList<>();
            if (rules.concern(service)) {
                Demand demand = service.demand().orElseThrow();
                for (IpFamily family : demand.families()) {
                    for (IpAddress address : before.getOrDefault(id(service), List.of())) {
                        boolean isFree = services.values().stream()
                                .filter(other ->
                                        after.getOrDefault(id(other), List.of()).contains(address))
                                .allMatch(other -> other.canShareWith(service));
                        if (address.family() == family && mayHave(service, demand, address) && isFree) {
                            kept.add(address);
                            break;
                        }
                    }
                }
            }
            after.put(id(service), kept);
        }
        Map<String, List<IpAddress>> former = new TreeMap<>(held);
        held.clear();
        held.putAll(after);
        former.forEach((_, had) -> had.forEach(this::freeIfUnused));
        after.values().forEach(has -> has.forEach(freed::remove));
    }

    private void freeIfUnused(IpAddress address) {
        if (held.values().stream().noneMatch(has -> has.contains(address))
                && pool(address).isPresent()) {
            freed.putIfAbsent(address, now);
        }
    }

    private Optional<AddressPool> pool(IpAddress address) {
        return pools.values().stream()
                .filter(pool -> pool.addresses().stream().anyMatch(block -> block.contains(address)))
                .findFirst();
    }

    private boolean mayHave(LoadBalancerService service, Demand demand, IpAddress address) {
        return demand.addresses().stream()
                        .allMatch(asked -> asked.family() != address.family() || asked.equals(address))
                && pool(address)
                        .filter(pool -> permits(pool, service))
                        .filter(pool ->
                                demand.pool().isEmpty() || demand.pool().get().equals(pool.name()))
                        .isPresent();
    }

    private boolean permits(AddressPool pool, LoadBalancerService service) {
        Labels labels =
                namespaces.getOrDefault(service.namespace(), Labels.of(Namespace.NAME_LABEL, service.namespace()));
        return pool.serviceSelector().matches(service.labels())
                && pool.namespaceSelector().matches(labels);
    }

    private void fill() {
        List<LoadBalancerService> order = new ArrayList<>(bySeniority());
        order.sort(Comparator.comparing((LoadBalancerService service) ->
                service.demand().map(demand -> demand.addresses().isEmpty()).orElse(true)));
        for (LoadBalancerService service : order) {
            if (!rules.concern(service)
                    || service.demand().orElseThrow().fault().isPresent()) {
                continue;
            }
            Demand demand = service.demand().orElseThrow();
            List<IpAddress> has = held.computeIfAbsent(id(service), _ -> new ArrayList<>());
            List<IpAddress> picked = new ArrayList<>();
            for (IpFamily family : demand.families()) {
                if (has.stream().noneMatch(address -> address.family() == family)) {
                    pick(service, demand, family).ifPresent(picked::add);
                }
            }
            if (demand.all()
                    && has.isEmpty()
                    && picked.size() < demand.families().size()) {
                picked.clear();
            }
            has.addAll(picked);
            has.sort(Comparator.comparingInt(address -> demand.families().indexOf(address.family())));
            picked.forEach(freed::remove);
        }
    }

    private Optional<IpAddress> pick(LoadBalancerService service, Demand demand, IpFamily family) {
        Optional<IpAddress> asked = demand.addresses().stream()
                .filter(address -> address.family() == family)
                .findFirst();
        if (asked.isPresent()) {
            return asked.filter(address -> mayHave(service, demand, address) && fits(service, address));
        }
        List<AddressPool> candidates = pools.values().stream()
                .filter(pool -> permits(pool, service))
                .filter(pool -> demand.pool().map(pool.name()::equals).orElse(pool.autoAssign()))
                .toList();
        if (service.traffic().sharingKey().isPresent()) {
            for (LoadBalancerService other : bySeniority()) {
                if (other.namespace().equals(service.namespace())
                        && other.traffic().sharingKey().equals(service.traffic().sharingKey())) {
                    for (IpAddress address : held.getOrDefault(id(other), List.of())) {
                        if (address.family() == family
                                && pool(address).filter(candidates::contains).isPresent()
                                && fits(service, address)) {
                            return Optional.of(address);
                        }
                    }
                }
            }
        }
        Set<IpAddress> used = new java.util.HashSet<>();
        held.values().forEach(used::addAll);
        Optional<IpAddress> coolest = Optional.empty();
        for (AddressPool pool : candidates) {
            for (AddressBlock block : pool.addresses()) {
                for (IpAddress address = block.first(); block.contains(address); address = address.next()) {
                    if (address.family() == family && !used.contains(address)) {
                        if (!freed.containsKey(address)) {
                            return Optional.of(address);
                        }
                        if (coolest.isEmpty()
                                || freed.getOrDefault(address, now).isBefore(freed.getOrDefault(coolest.get(), now))) {
                            coolest = Optional.of(address);
                        }
                    }
                }
            }
        }
        return coolest;
    }

    private boolean fits(LoadBalancerService service, IpAddress address) {
        return services.values().stream()
                .filter(other -> held.getOrDefault(id(other), List.of()).contains(address))
                .allMatch(other -> other.canShareWith(service));
    }
}
