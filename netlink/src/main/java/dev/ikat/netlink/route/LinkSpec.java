package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;

/**
 * A link to be created; see {@link Requests#create(LinkSpec)}. Links are created down, and set up by a
 * {@link LinkChange}.
 */
public sealed interface LinkSpec permits VethSpec, BridgeSpec, VxlanSpec {
    /** Its name. */
    InterfaceName name();
}
