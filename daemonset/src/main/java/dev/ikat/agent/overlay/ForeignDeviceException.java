package dev.ikat.agent.overlay;

import dev.ikat.netlink.route.Link;

/** An interface that is not Ikat's bears the tunnel device's name. */
public final class ForeignDeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ForeignDeviceException(Link link) {
        super("an interface named " + link.name() + " exists and is no VXLAN but "
                + link.kind().orElse("hardware") + "; rename or delete it, or run with --overlay direct or none");
    }
}
