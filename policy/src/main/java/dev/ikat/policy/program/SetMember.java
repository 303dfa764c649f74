package dev.ikat.policy.program;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import java.util.Objects;

/** A member of an address set; all members of one set are of the same form. */
public sealed interface SetMember {
    /** The pod's address. */
    IpAddress address();

    /**
     * Every port of an address.
     *
     * @param address the address
     */
    record AddressMember(IpAddress address) implements SetMember {
        public AddressMember {
            Objects.requireNonNull(address, "address");
        }
    }

    /**
     * One port of an address: the port that a name stands for at that pod.
     *
     * @param address the address
     * @param protocol the protocol
     * @param port 1 to 65535
     */
    record PortMember(IpAddress address, Protocol protocol, int port) implements SetMember {
        public PortMember {
            Objects.requireNonNull(address, "address");
            Objects.requireNonNull(protocol, "protocol");
            if (port < 1 || port > 65535) {
                throw new IllegalArgumentException(port + " is not a port number");
            }
        }
    }
}
