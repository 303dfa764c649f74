package dev.ikat.services.program;

import dev.ikat.model.Cidr;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The difference between a program and the next one.
 *
 * @param changed frontends that are new or treat connections otherwise than before
 * @param removed frontends that no longer exist; none is in {@code changed}
 * @param podCidrs this node's blocks, if they are others than before
 * @param serviceCidrs the services' blocks, if they are others than before
 */
public record ServiceChange(
        List<FrontendProgram> changed,
        Set<Frontend> removed,
        Optional<Set<Cidr>> podCidrs,
        Optional<Set<Cidr>> serviceCidrs) {
    /** No difference. */
    public static final ServiceChange NONE = new ServiceChange(List.of(), Set.of(), Optional.empty(), Optional.empty());

    public ServiceChange {
        changed = List.copyOf(changed);
        removed = Set.copyOf(removed);
    }

    /** Whether there is no difference. */
    public boolean isEmpty() {
        return changed.isEmpty() && removed.isEmpty() && podCidrs.isEmpty() && serviceCidrs.isEmpty();
    }

    /** This change and then the next one, as one. */
    public ServiceChange then(ServiceChange next) {
        if (isEmpty()) {
            return next;
        }
        Map<Frontend, FrontendProgram> set = new HashMap<>();
        changed.forEach(program -> set.put(program.frontend(), program));
        next.removed().forEach(set::remove);
        next.changed().forEach(program -> set.put(program.frontend(), program));
        Set<Frontend> gone = new HashSet<>(removed);
        gone.addAll(next.removed());
        gone.removeAll(set.keySet());
        return new ServiceChange(
                List.copyOf(set.values()),
                gone,
                next.podCidrs().or(this::podCidrs),
                next.serviceCidrs().or(this::serviceCidrs));
    }

    /** The program after the change. */
    public ServiceProgram applyTo(ServiceProgram before) {
        Map<Frontend, FrontendProgram> frontends = new HashMap<>(before.frontends());
        removed.forEach(frontends::remove);
        changed.forEach(program -> frontends.put(program.frontend(), program));
        return new ServiceProgram(
                frontends, podCidrs.orElse(before.podCidrs()), serviceCidrs.orElse(before.serviceCidrs()));
    }
}
