package dev.ikat.agent.overlay;

import static java.util.Map.entry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Who makes routes, by the number that a route bears: as {@code ip route} names them. */
final class RouteOwners {
    /** RTPROT_* of linux/rtnetlink.h, for a host without iproute2's files. */
    private static final Map<Integer, String> KNOWN = Map.ofEntries(
            entry(1, "redirect"),
            entry(2, "kernel"),
            entry(3, "boot"),
            entry(4, "static"),
            entry(8, "gated"),
            entry(9, "ra"),
            entry(10, "mrt"),
            entry(11, "zebra"),
            entry(12, "bird"),
            entry(13, "dnrouted"),
            entry(14, "xorp"),
            entry(15, "ntk"),
            entry(16, "dhcp"),
            entry(17, "mrouted"),
            entry(18, "keepalived"),
            entry(42, "babel"),
            entry(84, "ovn"),
            entry(99, "openr"),
            entry(186, "bgp"),
            entry(187, "isis"),
            entry(188, "ospf"),
            entry(189, "rip"),
            entry(192, "eigrp"));

    /** The distribution's names, and the administrator's, which hold where both have one. */
    private static final List<Path> FILES =
            List.of(Path.of("/usr/share/iproute2/rt_protos"), Path.of("/etc/iproute2/rt_protos"));

    private static final Pattern LINE = Pattern.compile("(?m)^\\s*(0x[0-9a-fA-F]{1,2}|[0-9]{1,3})\\s+(\\S+)");

    private final Map<Integer, String> names;

    private RouteOwners(Map<Integer, String> names) {
        this.names = names;
    }

    /** As this host names them now. */
    static RouteOwners ofHost() {
        return of(FILES);
    }

    /** @param files in the form of rt_protos, the later one's names holding; those that are not there say nothing */
    static RouteOwners of(List<Path> files) {
        Map<Integer, String> names = new HashMap<>(KNOWN);
        for (Path file : files) {
            Matcher line = LINE.matcher(text(file));
            while (line.find()) {
                names.put(number(line.group(1)), line.group(2));
            }
        }
        return new RouteOwners(names);
    }

    private static String text(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            // A number does for a name.
            return "";
        }
    }

    private static int number(String text) {
        return text.startsWith("0x") ? Integer.parseInt(text.substring(2), 16) : Integer.parseInt(text);
    }

    /** The name, or the number where it has none. */
    String name(int protocol) {
        return names.getOrDefault(protocol, Integer.toString(protocol));
    }
}
