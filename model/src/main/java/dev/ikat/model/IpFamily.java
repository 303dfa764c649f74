package dev.ikat.model;

/** The two address families, with the sizes of their addresses. */
public enum IpFamily {
    /** RFC 791. */
    IPV4(4),
    /** RFC 8200. */
    IPV6(16);

    private final int byteLength;

    IpFamily(int byteLength) {
        this.byteLength = byteLength;
    }

    /** Its name in texts for people: IPv4 or IPv6. */
    public String title() {
        return switch (this) {
            case IPV4 -> "IPv4";
            case IPV6 -> "IPv6";
        };
    }

    /** The length of an address in bytes: 4 or 16. */
    public int byteLength() {
        return byteLength;
    }

    /** The length of an address in bits: 32 or 128. */
    public int bits() {
        return byteLength * 8;
    }
}
