package dev.ikat.ebpf.service;

import dev.ikat.model.InterfaceName;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.Target;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How connections from outside the cluster are served.
 *
 * @param direct whether the backend's node answers the client itself (direct server return), with the client's own
 *     address for the backend; if not, connections that may go to another node are left to the other dataplane, whose
 *     answers come back through this node
 * @param surroundings what surrounds this node; empty while that is not known, or where its uplink is none that
 *     programs can be attached to: then all connections from outside are left to the other dataplane
 */
public record Outside(boolean direct, Supplier<Optional<Surroundings>> surroundings) {
    /** All connections from outside are left to the other dataplane. */
    public static final Outside LEFT = new Outside(false, Optional::empty);

    /** The interface by which they arrive, if that is known. */
    public Optional<InterfaceName> uplink() {
        return surroundings.get().map(Surroundings::uplink);
    }

    /** The backends that the programs choose from in these surroundings; empty if a frontend is not for them. */
    Optional<List<Backend>> backends(FrontendProgram program, Surroundings around) {
        boolean kept = program.keepsSource()
                // The other nodes know this one by these addresses.
                || (direct
                        && (program.kind() != Kind.NODE_PORT
                                || around.own().contains(program.frontend().address())));
        return kept && program.outside() instanceof Target.Balance(List<Backend> backends)
                ? Optional.of(backends)
                : Optional.empty();
    }
}
