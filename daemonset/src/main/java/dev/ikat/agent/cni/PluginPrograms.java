package dev.ikat.agent.cni;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The programs of plugins. A runtime that finds one of a network's not there starts no pod.
 *
 * @param directories where the runtime looks for them
 */
public record PluginPrograms(List<Path> directories) {
    /** What the package containernetworking-plugins has. */
    private static final Set<String> REFERENCE = Set.of(
            "bandwidth",
            "bridge",
            "dhcp",
            "dummy",
            "firewall",
            "host-device",
            "host-local",
            "ipvlan",
            "loopback",
            "macvlan",
            "portmap",
            "ptp",
            "sbr",
            "static",
            "tap",
            "tuning",
            "vlan",
            "vrf");

    public PluginPrograms {
        directories = List.copyOf(directories);
    }

    /** Whether the plugin of this type is there. */
    boolean has(String type) {
        // Runtimes refuse what would leave the directory.
        return !type.isEmpty()
                && type.indexOf('/') < 0
                && type.indexOf('\0') < 0
                && directories.stream().anyMatch(directory -> isProgram(directory.resolve(type)));
    }

    /** The plugin's file as this process can run it; empty where it is not there, or a link. */
    Optional<Path> file(String type) {
        return has(type)
                ? directories.stream()
                        .map(directory -> directory.resolve(type))
                        .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
                        .findFirst()
                : Optional.empty();
    }

    private static boolean isProgram(Path file) {
        // A link may lead to where only the host sees something, and not the container of the agent.
        return Files.isSymbolicLink(file)
                || (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.isExecutable(file));
    }

    /** That a plugin is not there, and where it comes from: "plugin portmap is not in ...; install ...". */
    String missing(String type, String consequence) {
        return "plugin " + type + " is not in " + this + ", so " + consequence + "; install "
                + (REFERENCE.contains(type) ? "the package containernetworking-plugins, and put its " + type : "it")
                + " there, or correct --cni-bin-dir";
    }

    @Override
    public String toString() {
        return directories.stream().map(Path::toString).collect(Collectors.joining(" or "));
    }
}
