package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import java.util.Optional;

/**
 * A software bridge, with the kernel's defaults.
 *
 * @param name its name
 * @param mac its link-layer address; if empty it follows its ports
 * @param mtu in bytes; if empty it follows its ports
 */
public record BridgeSpec(InterfaceName name, Optional<MacAddress> mac, Optional<Integer> mtu) implements LinkSpec {
    /** A bridge whose link-layer address and MTU follow its ports. */
    public static BridgeSpec of(InterfaceName name) {
        return new BridgeSpec(name, Optional.empty(), Optional.empty());
    }

    @Override
    public String toString() {
        return "bridge " + name;
    }
}
