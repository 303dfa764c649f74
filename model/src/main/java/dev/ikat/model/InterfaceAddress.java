package dev.ikat.model;

import java.util.Objects;

/**
 * An address together with the prefix length of its subnet, as an interface carries it: 10.1.0.5/24.
 *
 * @param address the address itself, host bits included
 * @param prefixLength the prefix length of the subnet it is in: 0 to 32, or 0 to 128
 */
public record InterfaceAddress(IpAddress address, int prefixLength) {
    public InterfaceAddress {
        Objects.requireNonNull(address, "address");
        if (prefixLength < 0 || prefixLength > address.family().bits()) {
            throw new IllegalArgumentException("invalid prefix length of " + address + ": it has to be 0 to "
                    + address.family().bits() + ", but is " + prefixLength);
        }
    }

    /**
     * Parses {@code address/prefixLength}.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    public static InterfaceAddress parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("'" + text + "' has no prefix length; write it as in 10.1.0.0/24");
        }
        String length = text.substring(slash + 1);
        if (length.isEmpty() || length.length() > 3 || !length.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new IllegalArgumentException("the prefix length in '" + text + "' is not a number");
        }
        return new InterfaceAddress(IpAddress.parse(text.substring(0, slash)), Integer.parseInt(length));
    }

    /** The address with a subnet of its own: /32 or /128, as every pod address has. */
    public static InterfaceAddress host(IpAddress address) {
        return new InterfaceAddress(address, address.family().bits());
    }

    /** The subnet that the address is in. */
    public Cidr cidr() {
        return Cidr.containing(address, prefixLength);
    }

    @Override
    public String toString() {
        return address + "/" + prefixLength;
    }
}
