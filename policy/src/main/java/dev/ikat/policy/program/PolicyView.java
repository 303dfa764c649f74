package dev.ikat.policy.program;

import dev.ikat.model.IpAddress;
import java.util.Optional;

/** What a program says of flows, and whose they are. */
public interface PolicyView {
    /** What becomes of a new connection. */
    Verdict evaluate(Flow flow);

    /** The endpoint of this node that has the address. */
    Optional<Endpoint> endpoint(IpAddress address);
}
