package dev.ikat.policy.program;

import java.util.Objects;

/**
 * What one endpoint's traffic is subject to.
 *
 * @param endpoint the endpoint
 * @param ingress for what reaches it
 * @param egress for what it sends
 */
public record PodProgram(Endpoint endpoint, DirectionProgram ingress, DirectionProgram egress) {
    public PodProgram {
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(ingress, "ingress");
        Objects.requireNonNull(egress, "egress");
    }
}
