package dev.ikat.services.program;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Connection.Origin;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.Outcome.Dropped;
import dev.ikat.services.program.Outcome.Forwarded;
import dev.ikat.services.program.Outcome.NotAService;
import dev.ikat.services.program.Outcome.Rejected;
import dev.ikat.services.program.Outcome.Route;
import dev.ikat.services.program.Outcome.SourceSeen;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Says what has to become of a connection, from the program that a dataplane puts into the kernel: the reference for
 * every dataplane, and the answer to people who ask. Thread-safe.
 */
public final class ServiceEvaluator {
    private final ServiceProgram program;
    private final Predicate<FrontendProgram> direct;
    /** The addresses at which only frontends are reached, where no blocks of them are known. */
    private final Set<IpAddress> clusterIps;

    /** Answers by this program; no backend answers clients outside itself. */
    public ServiceEvaluator(ServiceProgram program) {
        this(program, _ -> false);
    }

    /**
     * Answers by this program.
     *
     * @param direct whether a frontend's backends answer clients outside themselves (direct server return), and so see
     *     them, whatever {@code keepsSource} says
     */
    public ServiceEvaluator(ServiceProgram program, Predicate<FrontendProgram> direct) {
        this.program = program;
        this.direct = direct;
        this.clusterIps = !program.serviceCidrs().isEmpty()
                ? Set.of()
                : program.frontends().values().stream()
                        .filter(frontend -> frontend.kind() == Kind.CLUSTER_IP)
                        .map(frontend -> frontend.frontend().address())
                        .collect(Collectors.toUnmodifiableSet());
    }

    /** What has to become of a new connection. */
    public Outcome evaluate(Connection connection) {
        Frontend destination = connection.destination();
        FrontendProgram frontend = program.frontends().get(destination);
        if (frontend == null) {
            return isForServices(destination.address())
                    ? new Rejected(destination.address() + " is an address of services, and none is reached there at "
                            + destination.protocol() + " port " + destination.port())
                    : new NotAService();
        }
        if (!isAccepted(frontend.sources(), connection.source())) {
            return new Dropped(
                    connection.source() + " is in none of loadBalancerSourceRanges of " + frontend.service());
        }
        Target target = connection.origin() == Origin.OUTSIDE ? frontend.outside() : frontend.inside();
        return switch (target) {
            case Target.Reject() -> new Rejected(frontend.service() + " has no endpoints");
            case Target.Drop() -> new Dropped(whyDropped(frontend));
            case Target.Balance(List<Backend> backends) ->
                new Forwarded(
                        backends.stream()
                                .map(backend -> new Route(backend, seen(backend, connection, frontend)))
                                .toList(),
                        destination + " is " + title(frontend.kind()) + " of " + frontend.service());
        };
    }

    private boolean isForServices(IpAddress address) {
        return clusterIps.contains(address)
                || program.serviceCidrs().stream().anyMatch(block -> block.contains(address));
    }

    private static boolean isAccepted(List<Cidr> sources, IpAddress source) {
        return sources.isEmpty() || sources.stream().anyMatch(block -> block.contains(source));
    }

    private static String whyDropped(FrontendProgram frontend) {
        // At addresses for clients outside, those inside may always go to another node.
        boolean forNobody =
                frontend.kind() != Kind.CLUSTER_IP && frontend.inside().equals(Target.DROP);
        return forNobody
                ? "loadBalancerSourceRanges of " + frontend.service() + " have no address of this family"
                : frontend.service() + " has endpoints, but none on this node, and its traffic policy is Local";
    }

    private SourceSeen seen(Backend backend, Connection connection, FrontendProgram frontend) {
        boolean kept = switch (connection.origin()) {
            // If a pod reaches itself, its answer to its own address would never leave it.
            case POD -> !backend.address().equals(connection.source());
            case NODE -> false;
            case OUTSIDE -> frontend.keepsSource() || direct.test(frontend);
        };
        return kept ? SourceSeen.CLIENT : SourceSeen.NODE;
    }

    private static String title(Kind kind) {
        return switch (kind) {
            case CLUSTER_IP -> "a cluster IP";
            case NODE_PORT -> "a node port";
            case EXTERNAL_IP -> "an external IP";
            case LOAD_BALANCER -> "a load balancer's IP";
        };
    }
}
