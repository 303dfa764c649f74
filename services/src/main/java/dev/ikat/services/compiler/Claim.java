package dev.ikat.services.compiler;

import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;

/**
 * What a service would have become of connections to a frontend.
 *
 * <p>Of several that claim one, the first in this order has it. Addresses that the API server gave out come before
 * those that somebody wrote, so that nobody takes the connections of another service by naming its address. Then the
 * older service comes first.
 *
 * @param service who claims it
 * @param created when that was created; empty if not known
 * @param program what would become of connections
 */
record Claim(ServiceName service, Optional<Instant> created, FrontendProgram program) implements Comparable<Claim> {
    private static final Comparator<Claim> ORDER = Comparator.comparingInt((Claim claim) -> rank(claim.program.kind()))
            .thenComparing(claim -> claim.created.orElse(Instant.MAX))
            .thenComparing(Claim::service);

    /** The earlier a kind, the lower. */
    private static int rank(Kind kind) {
        return switch (kind) {
            case CLUSTER_IP -> 0;
            case NODE_PORT -> 1;
            case LOAD_BALANCER -> 2;
            case EXTERNAL_IP -> 3;
        };
    }

    Frontend frontend() {
        return program.frontend();
    }

    @Override
    public int compareTo(Claim other) {
        return ORDER.compare(this, other);
    }

    /** Where in the service it is made. */
    String field() {
        return switch (program.kind()) {
            case CLUSTER_IP -> "spec.clusterIPs";
            case NODE_PORT -> "spec.ports";
            case LOAD_BALANCER -> "status.loadBalancer.ingress";
            case EXTERNAL_IP -> "spec.externalIPs";
        };
    }
}
