package dev.ikat.netlink.namespace;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Kernel parameters below /proc/sys. Those of the network are the calling thread's network namespace's; use
 * {@link NetworkNamespace#call} for another one.
 *
 * <p>A key is written as sysctl(8) accepts it: {@code net.ipv4.ip_forward} or {@code net/ipv4/ip_forward}. The first
 * separator decides; in the form with dots a '/' stands for a dot within a name
 * ({@code net.ipv4.conf.eth0/100.forwarding} for the interface {@code eth0.100}). {@link #ofInterface} creates such a
 * key.
 *
 * <p>In an unprivileged container /proc/sys is read-only. The environment variable IKAT_PROC_SYS names another mount
 * point; there, too, a thread sees the parameters of its own network namespace.
 */
public final class Sysctl {
    private static final String ROOT = System.getenv().getOrDefault("IKAT_PROC_SYS", "/proc/sys") + "/";
    private static final int MAX_VALUE = 4096;

    /** The parameters of one network namespace, for those who are given them. */
    public interface Parameters {
        /** As {@link Sysctl#read}. */
        String read(String key);

        /** As {@link Sysctl#write}. */
        void write(String key, String value);
    }

    /**
     * Whether the kernel has IPv6: built in or loaded, and not turned off at boot by {@code ipv6.disable=1}. Then every
     * namespace has it, whatever its settings say.
     */
    public static boolean hasIpv6(Parameters parameters) {
        try {
            parameters.read("net/ipv6/conf/all/disable_ipv6");
            return true;
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }

    /** Those of the network namespace that the calling thread is in. */
    public static final Parameters PARAMETERS = new Parameters() {
        @Override
        public String read(String key) {
            return Sysctl.read(key);
        }

        @Override
        public void write(String key, String value) {
            Sysctl.write(key, value);
        }
    };

    private Sysctl() {}

    /** The key of an interface's parameter: {@code net/ipv6/conf/eth0.100/disable_ipv6}. */
    public static String ofInterface(IpFamily family, InterfaceName name, String parameter) {
        String protocol = switch (family) {
            case IPV4 -> "ipv4";
            case IPV6 -> "ipv6";
        };
        return "net/" + protocol + "/conf/" + name.value() + "/" + parameter;
    }

    /**
     * The value of a parameter, without the line terminator.
     *
     * @throws NetlinkException ENOENT if the kernel has no such parameter, or the interface no longer exists
     * @throws IllegalArgumentException if the key is invalid
     */
    public static String read(String key) {
        String attempt = "read sysctl " + key;
        int fd = open(key, attempt, Libc.O_RDONLY);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(MAX_VALUE);
            int length = checked(attempt, Libc.read(fd, buffer));
            byte[] value = buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
            return new String(value, StandardCharsets.UTF_8).strip();
        } finally {
            Libc.close(fd);
        }
    }

    /**
     * Sets a parameter.
     *
     * @throws NetlinkException ENOENT if the kernel has no such parameter, or the interface no longer exists; EINVAL if
     *     it refuses the value; EROFS if /proc/sys is mounted read-only, as in an unprivileged container
     * @throws IllegalArgumentException if the key is invalid
     */
    public static void write(String key, String value) {
        String attempt = "write '" + value + "' to sysctl " + key;
        int fd = open(key, attempt, Libc.O_WRONLY);
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            int written = checked(attempt, Libc.write(fd, arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes)));
            if (written != bytes.length) {
                throw new NetlinkException(attempt, Errno.EIO);
            }
        } finally {
            Libc.close(fd);
        }
    }

    private static int open(String key, String attempt, int flags) {
        return checked(attempt, Libc.open(ROOT + path(key), flags | Libc.O_CLOEXEC));
    }

    private static int checked(String attempt, int result) {
        if (result < 0) {
            throw new NetlinkException(attempt, -result);
        }
        return result;
    }

    /** The key as a path below /proc/sys. */
    static String path(String key) {
        int dot = key.indexOf('.');
        int slash = key.indexOf('/');
        boolean dotted = dot >= 0 && (slash < 0 || dot < slash);
        String path = dotted ? swapped(key) : key;
        for (String name : path.split("/", -1)) {
            if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf(0) >= 0) {
                throw new IllegalArgumentException(
                        "invalid sysctl key '" + key + "'; write it as net.ipv4.ip_forward or net/ipv4/ip_forward");
            }
        }
        return path;
    }

    private static String swapped(String key) {
        return key.replace('/', '\0').replace('.', '/').replace('\0', '.');
    }
}
