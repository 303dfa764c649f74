package dev.ikat.policy.program;

import dev.ikat.model.IpAddress;
import java.util.Optional;

/** What a program decides about flows, and which endpoints they belong to. */
public interface PolicyView {
    /** Whether a new connection is allowed, and why. */
    Verdict evaluate(Flow flow);

    /** The endpoint of this node that has the address. */
    Optional<Endpoint> endpoint(IpAddress address);
}
