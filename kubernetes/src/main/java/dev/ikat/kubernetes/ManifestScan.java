package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The files of a directory as they were when last read well. A file is read when it has been left alone for a moment,
 * and forgotten when it has been gone for one: editors write, truncate and rename in between. Not thread-safe.
 */
final class ManifestScan {
    private final Path directory;
    private final Clock clock;
    private final Duration settling;
    private final ManifestReader reader;
    private final Map<Path, Seen> files = new TreeMap<>();
    private List<SourceFault> directoryFaults = List.of();
    private boolean unsettled;

    ManifestScan(Path directory, KindSet kinds, Clock clock, Duration settling) {
        this.reader = new ManifestReader(kinds);
        this.directory = directory;
        this.clock = clock;
        this.settling = settling;
    }

    /** What identifies a version of a file without reading it. */
    private record Version(@Nullable Object fileKey, long size, FileTime modified) {
        static Version of(Path file) throws IOException {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return new Version(attributes.fileKey(), attributes.size(), attributes.lastModifiedTime());
        }
    }

    /** A file: what was read of it last, what is in force of it, and what is wrong with it. */
    private static final class Seen {
        private @Nullable Version version;
        private @Nullable Instant missingSince;
        private Map<ObjectKey, ManifestFile.Placed> inForce = Map.of();
        private boolean wasGood;
        private List<SourceFault> faults = List.of();
        private Set<String> ignored = Set.of();
    }

    /** What all the files say together. */
    record Result(Map<ObjectKey, ClusterObject> objects, List<SourceFault> faults, Set<String> ignored) {}

    /**
     * Looks at every file, and reads those that changed.
     *
     * @param touched files to read even if they look unchanged
     * @param atOnce whether to read a file that may be still being written, and forget one that is gone just now
     */
    void scan(Set<Path> touched, boolean atOnce) {
        unsettled = false;
        Set<Path> present = new HashSet<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, ManifestScan::isManifest)) {
            for (Path file : entries) {
                present.add(file);
                look(file, touched.contains(file), atOnce);
            }
            directoryFaults = List.of();
        } catch (IOException | DirectoryIteratorException e) {
            directoryFaults = List.of(new SourceFault(
                    directory.toString(), "can't be listed (" + e + "); what was read before stays in force"));
            return;
        }
        forgetMissing(present, atOnce);
    }

    static boolean isManifest(Path file) {
        String name =
                Objects.requireNonNull(file.getFileName(), "a file has a name").toString();
        return !name.startsWith(".") && (name.endsWith(".yaml") || name.endsWith(".yml") || name.endsWith(".json"));
    }

    private void look(Path file, boolean touched, boolean atOnce) {
        Seen seen = files.computeIfAbsent(file, _ -> new Seen());
        try {
            if (Files.isDirectory(file)) {
                markMissing(seen);
                return;
            }
            Version version = Version.of(file);
            seen.missingSince = null;
            if (version.equals(seen.version) && !touched) {
                return;
            }
            Duration age = Duration.between(version.modified().toInstant(), clock.instant());
            if (!atOnce && !age.isNegative() && age.compareTo(settling) < 0) {
                seen.version = null;
                unsettled = true;
                return;
            }
            byte[] bytes = Files.readAllBytes(file);
            if (!atOnce && !version.equals(Version.of(file))) {
                seen.version = null;
                unsettled = true;
                return;
            }
            seen.version = version;
            take(file, seen, ManifestFile.parse(bytes, reader));
        } catch (NoSuchFileException e) {
            // Gone since the directory was listed, or a link to nothing.
            markMissing(seen);
        } catch (IOException e) {
            seen.version = null;
            seen.faults = List.of(
                    new SourceFault(file.toString(), "can't be read (" + e + "); what was read before stays in force"));
        }
    }

    private static void take(Path file, Seen seen, ManifestFile parsed) {
        seen.ignored = parsed.ignored();
        seen.faults = Stream.concat(parsed.faults().stream(), parsed.warnings().stream())
                .map(fault -> fault.in(file.toString()))
                .toList();
        if (parsed.faults().isEmpty()) {
            seen.inForce = parsed.objects();
            seen.wasGood = true;
        } else if (!seen.wasGood) {
            // Nothing else is known to hold. Policies that are missing would open what these close.
            seen.inForce = parsed.policies();
        }
    }

    private void markMissing(Seen seen) {
        if (seen.missingSince == null) {
            seen.missingSince = clock.instant();
        }
        seen.version = null;
    }

    private void forgetMissing(Set<Path> present, boolean atOnce) {
        for (Iterator<Map.Entry<Path, Seen>> i = files.entrySet().iterator(); i.hasNext(); ) {
            Map.Entry<Path, Seen> entry = i.next();
            Seen seen = entry.getValue();
            if (!present.contains(entry.getKey())) {
                markMissing(seen);
            }
            Instant missingSince = seen.missingSince;
            if (missingSince == null) {
                continue;
            }
            boolean empty = seen.inForce.isEmpty() && seen.faults.isEmpty();
            if (atOnce || empty || !clock.instant().isBefore(missingSince.plus(settling))) {
                i.remove();
            } else {
                unsettled = true;
            }
        }
    }

    /** Whether some file has to be looked at again soon. */
    boolean unsettled() {
        return unsettled;
    }

    /** All objects in force; of two with one name that in the file that comes first by name is. */
    Result result() {
        Map<ObjectKey, ClusterObject> objects = new TreeMap<>();
        Map<ObjectKey, String> origins = new LinkedHashMap<>();
        List<SourceFault> faults = new ArrayList<>(directoryFaults);
        Set<String> ignored = new TreeSet<>();
        files.forEach((file, seen) -> {
            faults.addAll(seen.faults);
            ignored.addAll(seen.ignored);
            seen.inForce.forEach((key, placed) -> {
                String other = origins.get(key);
                if (other == null) {
                    origins.put(key, file + ":" + placed.line());
                    objects.put(key, placed.object());
                } else {
                    faults.add(placed.fault("is also defined at " + other + ", which is in force")
                            .in(file.toString()));
                }
            });
        });
        return new Result(objects, faults, ignored);
    }
}
