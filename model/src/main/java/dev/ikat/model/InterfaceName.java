package dev.ikat.model;

import java.nio.charset.StandardCharsets;

/**
 * The name of a network interface, as the kernel ({@code dev_valid_name}, net/core/dev.c) and the CNI specification
 * ("Appendix: Interface name", CNI_IFNAME) allow it.
 *
 * @param value 1 to 15 bytes, not "." or "..", without '/', ':' and white space
 */
public record InterfaceName(String value) {
    /** IFNAMSIZ (linux/if.h) without the terminating zero. */
    public static final int MAX_BYTES = 15;

    public InterfaceName {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("the interface name is empty");
        }
        if (value.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
            throw new IllegalArgumentException("interface name '" + value + "' is longer than 15 bytes");
        }
        if (value.equals(".") || value.equals("..")) {
            throw new IllegalArgumentException("an interface can't be named '" + value + "'");
        }
        if (value.chars().anyMatch(c -> c == '/' || c == ':' || c == 0 || isKernelSpace(c))) {
            throw new IllegalArgumentException("interface name '" + value + "' contains '/', ':' or white space");
        }
    }

    /** The kernel's {@code isspace}: it counts 0xa0 (no-break space in Latin-1) too, lib/ctype.c. */
    private static boolean isKernelSpace(int c) {
        return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
    }

    @Override
    public String toString() {
        return value;
    }
}
