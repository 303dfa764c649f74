package dev.ikat.agent.bgp;

import dev.ikat.bgp.bird.BirdProgram;
import dev.ikat.dataplane.HostProgram;
import dev.ikat.netlink.process.Capability;
import dev.ikat.netlink.process.Confinement;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** BIRD's program, with the rights to listen at its port, to set routes, and to send packets of BFD, and no others. */
final class ConfinedBird implements BirdProgram {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Set<Capability> NEEDED = EnumSet.allOf(Capability.class);

    private final String program;

    /** @param program its name on the PATH, or its file */
    ConfinedBird(String program) {
        this.program = program;
    }

    @Override
    public Run run(List<String> options) throws IOException, InterruptedException {
        List<String> words = Stream.concat(Stream.of(program), options.stream()).toList();
        try {
            HostProgram run = Confinement.call(NEEDED, () -> HostProgram.run(words, "", LIMIT));
            return new Run(run.exitCode(), run.complaint());
        } catch (ExecutionException e) {
            throw new IOException(reason(e.getCause()), e);
        }
    }

    private String reason(@Nullable Throwable cause) {
        return switch (cause) {
            case TimeoutException timeout -> String.valueOf(timeout.getMessage());
            case IOException missing ->
                "the program '" + program + "' can't be started (" + missing.getMessage()
                        + "); install BIRD 2 (Debian: bird2), or set bgp to false";
            case null, default -> String.valueOf(cause);
        };
    }
}
