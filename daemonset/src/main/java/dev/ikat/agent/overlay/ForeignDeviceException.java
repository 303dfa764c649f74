package dev.ikat.agent.overlay;

import dev.ikat.netlink.route.Link;

/** An interface that is not Ikat's has the tunnel link's name. */
public final class ForeignDeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ForeignDeviceException(Link link) {
        super("an interface named " + link.name() + " exists, but is "
                + link.kind().orElse("hardware") + " instead of VXLAN; rename or delete "
                + "it, or run with --overlay direct or none");
    }
}
