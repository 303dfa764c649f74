package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Gives services addresses of pools. Each change is taken in in two steps: first everybody that it concerns keeps what
 * may be kept, the older service before the younger where two have the same address; then whoever lacks something is
 * given it, those first that ask for an address by name, and then the older before the younger. An address stays with
 * its service until that may not have it any more, whatever else would fit better. A change costs what it concerns; one
 * of the pools concerns every service. Not thread-safe.
 */
public final class Allocator {
    private static final Comparator<Claimant> BY_NEED =
            Comparator.comparing(Allocator::asksForNone).thenComparing(Claimant.SENIORITY);

    private final Rules rules;
    private final PoolBook book = new PoolBook();
    private final Spaces spaces = new Spaces();
    private final Map<ObjectKey, Claimant> claimants = new HashMap<>();
    private final Map<String, Set<Claimant>> byNamespace = new HashMap<>();
    private final Map<String, Labels> namespaces = new HashMap<>();
    private final Chooser chooser = new Chooser(spaces, this::permits);
    /** Those that lack something. */
    private final Set<Claimant> waiting = new LinkedHashSet<>();

    public Allocator(Rules rules) {
        this.rules = rules;
    }

    private static boolean asksForNone(Claimant claimant) {
        return claimant.service()
                .demand()
                .map(Demand::addresses)
                .orElse(List.of())
                .isEmpty();
    }

    /** One change being taken in. */
    private final class Step {
        private final Instant now;
        private final Set<Claimant> toKeep = new TreeSet<>(Claimant.SENIORITY);
        private final Set<Claimant> touched = new LinkedHashSet<>();
        /** Those that lost an address to an older one. */
        private final Set<Claimant> robbed = new HashSet<>();

        private boolean poolsChanged;
        private boolean roomMade;

        Step(Instant now) {
            this.now = now;
        }

        void added(ClusterObject object) {
            switch (object) {
                case LoadBalancerService service -> service(service);
                case AddressPool pool -> {
                    book.put(pool);
                    poolsChanged = true;
                }
                case Namespace namespace -> namespace(namespace.name(), namespace.labels());
                default -> throw new IllegalArgumentException("nobody asked for " + object.key());
            }
        }

        void removed(ClusterObject object) {
            switch (object) {
                case LoadBalancerService service -> gone(service.key());
                case AddressPool pool -> {
                    book.remove(pool.name());
                    poolsChanged = true;
                }
                case Namespace namespace -> {
                    namespaces.remove(namespace.name());
                    concern(namespace.name());
                }
                default -> throw new IllegalArgumentException("nobody asked for " + object.key());
            }
        }

        private void service(LoadBalancerService service) {
            Claimant claimant = claimants.get(service.key());
            if (claimant == null) {
                claimant = new Claimant(service);
                claimants.put(service.key(), claimant);
                byNamespace
                        .computeIfAbsent(service.namespace(), _ -> new LinkedHashSet<>())
                        .add(claimant);
            } else {
                // Others may share its addresses now that could not.
                roomMade |= !claimant.service().traffic().equals(service.traffic())
                        && !claimant.held().isEmpty();
                toKeep.remove(claimant);
                chooser.ungroup(claimant);
                claimant.become(service);
            }
            chooser.group(claimant);
            toKeep.add(claimant);
        }

        private void gone(ObjectKey key) {
            Claimant claimant = claimants.remove(key);
            if (claimant != null) {
                Set<Claimant> neighbours = byNamespace.getOrDefault(key.namespace(), new LinkedHashSet<>());
                neighbours.remove(claimant);
                if (neighbours.isEmpty()) {
                    byNamespace.remove(key.namespace());
                }
                chooser.ungroup(claimant);
                waiting.remove(claimant);
                toKeep.remove(claimant);
                List.copyOf(claimant.held()).forEach(address -> free(claimant, address));
            }
        }

        private void namespace(String name, Labels labels) {
            if (!labels.equals(namespaces.put(name, labels))) {
                concern(name);
            }
        }

        private void concern(String namespace) {
            toKeep.addAll(byNamespace.getOrDefault(namespace, Set.of()));
        }

        private void free(Claimant claimant, IpAddress address) {
            claimant.held().remove(address);
            spaces.free(address, claimant, now);
            roomMade = true;
        }

        private void take(Claimant claimant, IpAddress address) {
            claimant.held().add(address);
            spaces.take(address, claimant);
        }

        List<Verdict> run(Set<String> unreadable) {
            spaces.cool(now.minus(rules.coolDown()));
            boolean doubts = book.unreadable(unreadable);
            if ((poolsChanged || doubts) && book.settle()) {
                spaces.become(book.inForce());
                toKeep.addAll(claimants.values());
                roomMade = true;
            }
            while (!toKeep.isEmpty()) {
                Claimant next = toKeep.iterator().next();
                toKeep.remove(next);
                touched.add(next);
                keep(next);
            }
            Set<Claimant> toFill = new TreeSet<>(BY_NEED);
            toFill.addAll(touched);
            if (roomMade) {
                toFill.addAll(waiting);
            }
            Map<ObjectKey, Optional<Refusal>> before = new HashMap<>();
            toFill.forEach(claimant -> before.put(claimant.key(), claimant.refusal()));
            Set<Claimant> given = new LinkedHashSet<>();
            chooser.begin();
            toFill.forEach(claimant -> {
                if (fill(claimant)) {
                    given.add(claimant);
                }
            });
            List<Verdict> verdicts = new ArrayList<>();
            for (Claimant claimant : toFill) {
                boolean isNews = given.contains(claimant)
                        || touched.contains(claimant)
                        || !claimant.refusal().equals(before.get(claimant.key()));
                if (isNews && claimant.isManaged()) {
                    verdicts.add(new Verdict(claimant.service(), claimant.held(), claimant.refusal()));
                }
            }
            return verdicts;
        }

        /** It has from now on what of its claims it may have. */
        private void keep(Claimant claimant) {
            boolean concerned = rules.concern(claimant.service());
            List<IpAddress> claims = claimant.claims();
            claimant.manage(
                    concerned || !claimant.held().isEmpty() || robbed.contains(claimant) || isLeft(claimant.service()));
            List<IpAddress> kept = new ArrayList<>(2);
            if (concerned) {
                Demand demand = claimant.service().demand().orElseThrow();
                for (IpFamily family : demand.families()) {
                    claims.stream()
                            .filter(address -> address.family() == family)
                            .filter(address -> mayKeep(claimant, demand, address) && prevails(claimant, address))
                            .findFirst()
                            .ifPresent(kept::add);
                }
            }
            List.copyOf(claimant.held()).stream()
                    .filter(address -> !kept.contains(address))
                    .forEach(address -> free(claimant, address));
            kept.stream()
                    .filter(address -> !claimant.held().contains(address))
                    .forEach(address -> take(claimant, address));
            claimant.service().demand().ifPresent(claimant::arrange);
        }

        /** Whether it can have the address beside those that have it; younger ones that are in the way lose it. */
        private boolean prevails(Claimant claimant, IpAddress address) {
            List<Claimant> others = spaces.holders(address).stream()
                    .filter(other -> other != claimant && !other.service().canShareWith(claimant.service()))
                    .toList();
            if (others.stream().anyMatch(other -> Claimant.SENIORITY.compare(other, claimant) < 0)) {
                return false;
            }
            for (Claimant other : others) {
                free(other, address);
                robbed.add(other);
                toKeep.add(other);
            }
            return true;
        }

        /** Gives what is lacking, if that can be; returns whether anything was given. */
        private boolean fill(Claimant claimant) {
            claimant.refuse(Optional.empty());
            waiting.remove(claimant);
            if (!rules.concern(claimant.service())) {
                return false;
            }
            Demand demand = claimant.service().demand().orElseThrow();
            if (demand.fault().isPresent()) {
                claimant.refuse(demand.fault().map(fault -> new Refusal(Refusal.Reason.INVALID_REQUEST, fault)));
                return false;
            }
            List<IpAddress> picked = new ArrayList<>(2);
            List<Refusal> refusals = new ArrayList<>(2);
            for (IpFamily family : demand.families()) {
                if (!claimant.has(family)) {
                    switch (chooser.choose(claimant, demand, family)) {
                        case Choice.Chosen(IpAddress address) -> picked.add(address);
                        case Choice.None(Refusal refusal) -> refusals.add(refusal);
                    }
                }
            }
            if (demand.all() && claimant.held().isEmpty() && !refusals.isEmpty()) {
                picked.clear();
            }
            picked.forEach(address -> take(claimant, address));
            claimant.arrange(demand);
            if (claimant.held().size() < demand.families().size()) {
                waiting.add(claimant);
                if (claimant.held().isEmpty()
                        || demand.all()
                        || !demand.addresses().isEmpty()) {
                    claimant.refuse(refusals.stream().findFirst());
                }
            }
            return !picked.isEmpty();
        }
    }

    /**
     * Takes in a change of services, pools and namespaces.
     *
     * @param unreadable the names of pools that can't be read as they are now
     * @param now when this is
     * @return what each service that it concerns has now
     */
    public List<Verdict> apply(ClusterChange change, Set<String> unreadable, Instant now) {
        Step step = new Step(now);
        change.removed().forEach(step::removed);
        change.added().forEach(step::added);
        change.updated().forEach(update -> step.added(update.after()));
        return step.run(unreadable);
    }

    /** Whether it is no load balancer's service any more, and its status still has addresses of pools. */
    private boolean isLeft(LoadBalancerService service) {
        return service.demand().isEmpty()
                && service.ingress().stream()
                        .anyMatch(address -> spaces.of(address).isPresent());
    }

    private boolean mayKeep(Claimant claimant, Demand demand, IpAddress address) {
        boolean isAsked = demand.addresses().stream()
                .filter(asked -> asked.family() == address.family())
                .allMatch(address::equals);
        Optional<PoolSpace> space = spaces.of(address);
        return isAsked
                && (space.isPresent()
                        ? permits(space.get().pool(), claimant.service())
                                && demand.pool()
                                        .map(space.get().pool().name()::equals)
                                        .orElse(true)
                        : book.isDoubtful());
    }

    private boolean permits(AddressPool pool, LoadBalancerService service) {
        return pool.serviceSelector().matches(service.labels())
                && pool.namespaceSelector()
                        .matches(namespaces.getOrDefault(
                                service.namespace(), Labels.of(Namespace.NAME_LABEL, service.namespace())));
    }

    /** The pools as they are now, by name. */
    public List<PoolState> pools() {
        List<PoolState> states = new ArrayList<>();
        for (AddressPool pool : book.present()) {
            Optional<PoolSpace> space = spaces.named(pool.name());
            states.add(new PoolState(
                    pool,
                    space.map(PoolSpace::total).orElse(0L),
                    space.map(PoolSpace::used).orElse(0L),
                    book.overlap(pool.name())));
        }
        return states;
    }

    /** How many services lack an address and are told why. */
    public long refused() {
        return claimants.values().stream()
                .filter(claimant -> claimant.refusal().isPresent())
                .count();
    }

    /** The services that have all or some of what they want. */
    public long served() {
        return claimants.values().stream()
                .filter(claimant -> !claimant.held().isEmpty())
                .count();
    }
}
