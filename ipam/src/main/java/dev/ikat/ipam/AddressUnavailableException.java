package dev.ikat.ipam;

import dev.ikat.model.IpAddress;

/** A requested address can't be assigned: it is outside the plan, excluded, or leased to another attachment. */
public final class AddressUnavailableException extends IpamException {
    private static final long serialVersionUID = 1L;

    private final transient IpAddress address;

    AddressUnavailableException(IpAddress address, String reason) {
        super("the requested address " + address + " " + reason);
        this.address = address;
    }

    /** The address. */
    IpAddress address() {
        return address;
    }
}
