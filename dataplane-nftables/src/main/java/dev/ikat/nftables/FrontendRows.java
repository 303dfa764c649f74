package dev.ikat.nftables;

import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What one frontend is in the kernel.
 *
 * @param program what it says
 * @param inside its backends for connections from inside, or for all where they are treated alike, by their indices
 * @param outside those for connections from outside where they are treated otherwise
 * @param elements the elements that are its own
 * @param shared elements that other frontends may have too
 * @param chains the chains to which its elements lead, beside those of its own
 * @param sticky its targets with session affinity
 */
record FrontendRows(
        FrontendProgram program,
        List<Backend> inside,
        List<Backend> outside,
        Set<ServiceElement> elements,
        Set<ServiceElement> shared,
        Set<ServiceChain> chains,
        List<StickyTarget> sticky) {
    /**
     * The rows of a frontend.
     *
     * @param former what the frontend was before, which it resembles as much as it can; empty if it is new
     * @param podCidrs this node's blocks
     */
    static FrontendRows of(FrontendProgram program, Optional<FrontendRows> former, Set<Cidr> podCidrs) {
        List<Backend> inside = arranged(former.map(FrontendRows::inside).orElse(List.of()), program.inside());
        List<Backend> outside = isAlike(program)
                ? List.of()
                : arranged(former.map(FrontendRows::outside).orElse(List.of()), program.outside());
        Writer writer = new Writer(program, former.map(FrontendRows::chains).orElse(Set.of()), podCidrs);
        writer.write(inside, outside);
        return new FrontendRows(program, inside, outside, writer.elements, writer.shared, writer.chains, writer.sticky);
    }

    private static boolean isAlike(FrontendProgram program) {
        return program.inside().equals(program.outside()) && program.sources().isEmpty();
    }

    /** The backends with as many of them at their former indices as there can be. */
    private static List<Backend> arranged(List<Backend> former, Target target) {
        if (!(target instanceof Target.Balance(List<Backend> backends))) {
            return List.of();
        }
        if (former.isEmpty()) {
            return backends;
        }
        Set<Backend> wanted = new HashSet<>(backends);
        List<Optional<Backend>> kept = new ArrayList<>();
        for (int i = 0; i < Math.min(former.size(), backends.size()); i++) {
            Backend one = former.get(i);
            kept.add(wanted.remove(one) ? Optional.of(one) : Optional.empty());
        }
        Deque<Backend> others = new ArrayDeque<>();
        backends.stream().filter(wanted::contains).forEach(others::add);
        List<Backend> arranged = new ArrayList<>(backends.size());
        kept.forEach(one -> arranged.add(one.orElseGet(others::removeFirst)));
        arranged.addAll(others);
        return List.copyOf(arranged);
    }

    private static final class Writer {
        private final FrontendProgram program;
        private final Frontend frontend;
        private final IpFamily family;
        private final Set<ServiceChain> former;
        private final Set<Cidr> podCidrs;
        private final Set<ServiceElement> elements = new LinkedHashSet<>();
        private final Set<ServiceElement> shared = new LinkedHashSet<>();
        private final Set<ServiceChain> chains = new LinkedHashSet<>();
        private final List<StickyTarget> sticky = new ArrayList<>();

        Writer(FrontendProgram program, Set<ServiceChain> former, Set<Cidr> podCidrs) {
            this.program = program;
            this.frontend = program.frontend();
            this.family = frontend.address().family();
            this.former = former;
            this.podCidrs = podCidrs;
        }

        void write(List<Backend> inside, List<Backend> outside) {
            if (isAlike(program)) {
                target(ServiceSet.FRONTENDS, program.inside(), inside, false);
            } else {
                boolean ranged = !program.sources().isEmpty();
                element(ServiceSet.FRONTENDS, ranged ? ServiceRules.ranged(family) : ServiceRules.split(family));
                MasqueradeState.cover(Set.copyOf(program.sources()), family)
                        .forEach(cidr -> elements.add(ServiceElement.source(frontend, cidr)));
                target(ServiceSet.INSIDE, program.inside(), inside, false);
                target(ServiceSet.OUTSIDE, program.outside(), outside, true);
            }
            if (!inside.isEmpty() || !outside.isEmpty()) {
                element(
                        ServiceSet.TRANSLATED,
                        program.keepsSource() ? ServiceRules.keep(family) : ServiceRules.masquerade(family));
            }
            if (program.kind() == Kind.CLUSTER_IP) {
                shared.add(ServiceElement.address(ServiceSet.ADDRESSES, frontend.address()));
            }
        }

        private void element(ServiceSet set, String chain) {
            elements.add(ServiceElement.frontend(set, frontend, chain));
        }

        private void target(ServiceSet set, Target target, List<Backend> backends, boolean outside) {
            switch (target) {
                case Target.Balance(List<Backend> _) -> balance(set, backends, outside);
                case Target.Drop() -> element(set, ServiceRules.DROP);
                case Target.Reject() -> element(ServiceSet.REJECTED, "");
            }
        }

        private void balance(ServiceSet set, List<Backend> backends, boolean outside) {
            Optional<Duration> affinity = program.affinity();
            if (affinity.isPresent()) {
                StickyTarget target = new StickyTarget(frontend, outside, backends, affinity.get());
                sticky.add(target);
                element(set, target.name());
                elements.addAll(target.choices());
            } else {
                ServiceChain chain = new ServiceChain(family, slots(backends.size(), outside), outside);
                chains.add(chain);
                element(set, chain.name());
                int index = ServiceChain.firstIndex(outside);
                for (Backend backend : backends) {
                    elements.add(ServiceElement.backend(frontend, index++, backend));
                }
            }
            hairpins(backends);
        }

        private int slots(int count, boolean outside) {
            return ServiceChain.slots(
                    count,
                    former.stream()
                            .filter(chain -> chain.outside() == outside)
                            .mapToInt(ServiceChain::slots)
                            .findAny()
                            .orElse(0));
        }

        private void hairpins(List<Backend> backends) {
            for (Backend backend : backends) {
                if (podCidrs.stream().anyMatch(cidr -> cidr.contains(backend.address()))) {
                    shared.add(ServiceElement.hairpin(backend.address()));
                }
            }
        }
    }
}
