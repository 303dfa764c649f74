package dev.ikat.cni;

import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.route.Link;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Optional;

/**
 * A further name of a pod's host end that says in which directory its lease is, and by being there that its ADD was
 * finished: {@code ik0123456789a:run:ikat:leases}. So the kernel knows of each pod whose it is, for as long as the pod
 * runs, and a host has one lease store: two would give addresses twice.
 *
 * <p>Links of former versions have no such name, and are anybody's.
 */
final class StoreMark {
    /** ALTIFNAMSIZ (linux/if.h) without the terminating zero. */
    private static final int MAX_BYTES = 127;

    private static final String SEPARATOR = ":";
    /** Begins what stands for a directory whose path does not fit, and in no path that is written out. */
    private static final String DIGEST = "sha256=";

    private final Path directory;
    private final String text;

    private StoreMark(Path directory) {
        this.directory = directory;
        this.text = text(directory);
    }

    /** Of links whose leases are in this directory, which need not be there yet. */
    static StoreMark of(Path directory) {
        return new StoreMark(real(directory.toAbsolutePath().normalize()));
    }

    /** Where symbolic links lead: with them, one directory would have two names. */
    private static Path real(Path directory) {
        try {
            return directory.toRealPath();
        } catch (IOException e) {
            Path parent = directory.getParent();
            Path name = directory.getFileName();
            return parent == null || name == null ? directory : real(parent).resolve(name);
        }
    }

    private static String text(Path directory) {
        String path = directory.toString();
        boolean fits = path.matches("(/[A-Za-z0-9._@+-]+)+") && path.length() + PodLink.NAME_LENGTH <= MAX_BYTES;
        return fits
                ? path.replace("/", SEPARATOR)
                : SEPARATOR + DIGEST + HexFormat.of().formatHex(PodLink.sha256(path), 0, 16);
    }

    /** The name that marks a link. */
    String nameFor(InterfaceName hostName) {
        return hostName + text;
    }

    /** Whether the link is marked, and so its ADD was finished. */
    static boolean isMarked(Link hostEnd) {
        return hostEnd.alternativeNames().stream().anyMatch(name -> name.startsWith(hostEnd.name() + SEPARATOR));
    }

    /** Whether the link bears this mark. */
    boolean isOn(Link hostEnd) {
        return hostEnd.alternativeNames().contains(nameFor(hostEnd.name()));
    }

    /**
     * Checks that none of the links belongs to another store. A store whose directory is gone is no other: what it knew
     * is rebuilt in this one.
     *
     * @throws ForeignStoreException if one does
     */
    void requireNoOther(Collection<Link> hostEnds) {
        for (Link hostEnd : hostEnds) {
            if (isMarked(hostEnd) && !isOn(hostEnd)) {
                String other = hostEnd.alternativeNames().stream()
                        .filter(name -> name.startsWith(hostEnd.name() + SEPARATOR))
                        .findFirst()
                        .orElseThrow()
                        .substring(hostEnd.name().value().length());
                Optional<Path> path = path(other);
                if (path.isEmpty() || Files.exists(path.get().resolve("leases.log"))) {
                    throw new ForeignStoreException(
                            hostEnd.name(), path.map(Path::toString).orElse("another directory"), directory);
                }
            }
        }
    }

    private static Optional<Path> path(String mark) {
        return mark.startsWith(SEPARATOR + DIGEST)
                ? Optional.empty()
                : Optional.of(Path.of(mark.replace(SEPARATOR, "/")));
    }
}
