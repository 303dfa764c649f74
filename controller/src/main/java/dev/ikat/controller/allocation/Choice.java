package dev.ikat.controller.allocation;

import dev.ikat.model.IpAddress;

/** An address for a service, or why there is none. */
sealed interface Choice {
    /** This one. */
    record Chosen(IpAddress address) implements Choice {}

    /** None. */
    record None(Refusal refusal) implements Choice {}
}
