package dev.ikat.model;

import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * The name of a network interface, as the kernel ({@code dev_valid_name}, net/core/dev.c) and the CNI specification
 * ("Appendix: Interface name", CNI_IFNAME) allow it.
 *
 * @param value 1 to 15 bytes, not "." or "..", without '/', ':' and white space
 */
public record InterfaceName(String value) {
    /** IFNAMSIZ (linux/if.h) without the terminating zero. */
    public static final int MAX_BYTES = 15;

    /** Beside the interfaces' own directories in net.ipv4.conf and net.ipv6.conf. */
    private static final Set<String> SYSCTL_DIRECTORIES = Set.of("all", "default");

    public InterfaceName {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("the interface name is empty");
        }
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException("interface name '" + value + "' is longer than 15 bytes");
        }
        if (value.equals(".") || value.equals("..")) {
            throw new IllegalArgumentException("invalid interface name '" + value + "'");
        }
        for (byte b : bytes) {
            if (b == '/' || b == ':' || b == 0 || isKernelSpace(b)) {
                throw new IllegalArgumentException("interface name '" + value + "' contains '/', ':' or white space");
            }
        }
    }

    /**
     * The name that a pod's interface is to have. It has to meet more conditions than the name of a link that the
     * kernel already has.
     *
     * @throws IllegalArgumentException if the kernel would choose another name because of it, or can't keep the
     *     interface's settings under it, or if it can't be read because of unprintable characters
     */
    public static InterfaceName ofPod(String value) {
        value.codePoints().filter(InterfaceName::isUnprintable).findFirst().ifPresent(c -> {
            throw new IllegalArgumentException(
                    "the interface name contains the unprintable character U+%04X".formatted(c));
        });
        InterfaceName name = new InterfaceName(value);
        if (value.indexOf('%') >= 0) {
            throw new IllegalArgumentException("interface name '" + value
                    + "' contains '%', by which the kernel numbers interfaces (as in 'eth%d'); give the whole "
                    + "name");
        }
        if (SYSCTL_DIRECTORIES.contains(value)) {
            throw new IllegalArgumentException("invalid interface name '" + value + "': /proc/sys/net/ipv4/conf/"
                    + value + " already holds the settings of all interfaces; choose another name");
        }
        return name;
    }

    /** U+FFFD is what bytes that are no UTF-8 were read as. */
    private static boolean isUnprintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.PRIVATE_USE,
                    Character.SURROGATE,
                    Character.UNASSIGNED -> true;
            default -> c == 0xfffd;
        };
    }

    /**
     * The kernel's {@code isspace}: any byte 0xa0 is one too (no-break space in Latin-1, part of UTF-8's à),
     * lib/ctype.c.
     */
    private static boolean isKernelSpace(byte b) {
        return b == ' ' || (b >= '\t' && b <= '\r') || b == (byte) 0xa0;
    }

    @Override
    public String toString() {
        return value;
    }
}
