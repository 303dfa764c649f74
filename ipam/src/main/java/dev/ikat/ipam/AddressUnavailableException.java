package dev.ikat.ipam;

import dev.ikat.model.IpAddress;

/** An address that was asked for by name can't be given: outside the plan, excluded, or somebody else's. */
public final class AddressUnavailableException extends IpamException {
    private static final long serialVersionUID = 1L;

    private final transient IpAddress address;

    AddressUnavailableException(IpAddress address, String reason) {
        super("the requested address " + address + " " + reason);
        this.address = address;
    }

    /** The address. */
    public IpAddress address() {
        return address;
    }
}
