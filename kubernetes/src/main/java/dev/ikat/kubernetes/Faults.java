package dev.ikat.kubernetes;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** What is wrong with the parts of an object, each of which is read whatever is wrong with the others. */
final class Faults {
    private final Set<ManifestFault> found = new LinkedHashSet<>();

    /** What a part says; empty if it can't be read, which is remembered. */
    <T> Optional<T> attempt(Supplier<T> part) {
        try {
            return Optional.of(part.get());
        } catch (ManifestFaultException e) {
            found.addAll(e.faults());
            return Optional.empty();
        }
    }

    /** Whether a part can be read; that it can't is remembered. */
    boolean check(Runnable part) {
        return attempt(() -> {
                    part.run();
                    return true;
                })
                .isPresent();
    }

    /** All that was found, in the order of the attempts, each once. */
    List<ManifestFault> all() {
        return List.copyOf(found);
    }

    boolean none() {
        return found.isEmpty();
    }

    /** @throws ManifestFaultException with all that was found, if anything was */
    void throwIfAny() {
        if (!found.isEmpty()) {
            throw new ManifestFaultException(all());
        }
    }
}
