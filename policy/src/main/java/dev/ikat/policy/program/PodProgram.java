package dev.ikat.policy.program;

import java.util.Objects;

/**
 * What one endpoint's traffic is held to.
 *
 * @param endpoint the endpoint
 * @param ingress what reaches it
 * @param egress what it sends
 */
public record PodProgram(Endpoint endpoint, DirectionProgram ingress, DirectionProgram egress) {
    public PodProgram {
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(ingress, "ingress");
        Objects.requireNonNull(egress, "egress");
    }
}
