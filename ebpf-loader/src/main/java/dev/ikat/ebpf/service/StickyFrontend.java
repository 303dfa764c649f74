package dev.ikat.ebpf.service;

import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A frontend with session affinity.
 *
 * @param program what the frontend has
 * @param time how long after its last new connection a client keeps its backend
 * @param backends for connections from inside
 */
record StickyFrontend(FrontendProgram program, Duration time, Set<Backend> backends) {
    StickyFrontend {
        backends = Set.copyOf(backends);
    }

    /** Empty for one without affinity or backends. */
    static Optional<StickyFrontend> of(FrontendProgram program) {
        return program.inside() instanceof Target.Balance(List<Backend> backends)
                ? program.affinity().map(time -> new StickyFrontend(program, time, Set.copyOf(backends)))
                : Optional.empty();
    }

    /** Where connections arrive. */
    Frontend frontend() {
        return program.frontend();
    }

    /** Its key, {@code struct place}. */
    MapKey place() {
        return ServiceTables.place(frontend());
    }
}
