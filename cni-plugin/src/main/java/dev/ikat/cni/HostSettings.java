package dev.ikat.cni;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.files.OwnDirectory;
import dev.ikat.files.OwnFile;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.Sysctl;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The host's kernel settings that Ikat changes. The value of a setting before Ikat first changed it is kept in a file,
 * so that uninstalling can restore it; the file lives as long as the settings do, until the next boot. The calling
 * thread is in the node's network namespace. Not thread-safe, but several processes may use one file.
 */
public final class HostSettings {
    /** In the run directory: {@code key=value} lines. */
    public static final String RECORD = "sysctl.before";

    private final Path record;
    private final Sysctl.Parameters parameters;
    /** What the record says, as somebody may remove it while the agent runs. */
    private final Map<String, String> remembered = new LinkedHashMap<>();

    /**
     * A setting that was changed.
     *
     * @param key as {@link Sysctl} takes it
     * @param value what it is now
     * @param before what it was
     */
    public record Change(String key, String value, String before) {}

    /** @param runDirectory is created if it does not exist when the first setting is changed */
    public HostSettings(Path runDirectory, Sysctl.Parameters parameters) {
        this.record = runDirectory.resolve(RECORD);
        this.parameters = parameters;
    }

    /** The value of a setting; empty if the kernel does not have it, or not for this link any more. */
    Optional<String> read(String key) {
        try {
            return Optional.of(parameters.read(key));
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENOENT) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Whether Ikat has changed this setting, now or before the process began. */
    boolean isChanged(String key) {
        return remembered.containsKey(key);
    }

    /** Makes a setting have this value; empty if it has it already. */
    Optional<Change> set(String key, String value) {
        String before = parameters.read(key);
        if (before.equals(value)) {
            return Optional.empty();
        }
        // Recorded first: a process that dies in between records the same once more.
        if (!remembered.containsKey(key)) {
            append(key, before);
            remembered.put(key, before);
        }
        parameters.write(key, value);
        return Optional.of(new Change(key, value, before));
    }

    /** Takes in what other processes have recorded, and writes again what is missing. */
    void keepRecord() {
        try {
            Map<String, String> recorded = before(record);
            recorded.forEach(remembered::putIfAbsent);
            remembered.forEach((key, before) -> {
                if (!recorded.containsKey(key)) {
                    append(key, before);
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException("can't read " + record + ": " + e, e);
        }
    }

    private void append(String key, String before) {
        try {
            Path directory = record.getParent();
            if (directory != null) {
                OwnDirectory.prepare(directory);
            }
            try (FileChannel channel = OwnFile.open(record)) {
                channel.write(ByteBuffer.wrap((key + "=" + before + "\n").getBytes(UTF_8)), channel.size());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("can't record the former value of " + key + " in " + record + ": " + e, e);
        }
    }

    /** The values that the settings in a record had before Ikat changed them. */
    public static Map<String, String> before(Path record) throws IOException {
        Map<String, String> before = new LinkedHashMap<>();
        if (Files.isRegularFile(record, LinkOption.NOFOLLOW_LINKS)) {
            for (String line : Files.readAllLines(record, UTF_8)) {
                int equals = line.indexOf('=');
                if (equals > 0) {
                    before.putIfAbsent(line.substring(0, equals), line.substring(equals + 1));
                }
            }
        }
        return before;
    }

    /**
     * Gives the settings in the record of a run directory their former values, the last one that was changed first. A
     * setting of a link that is gone is left out.
     *
     * @return what was changed
     */
    public static List<Change> restore(Path runDirectory, Sysctl.Parameters parameters) throws IOException {
        List<Map.Entry<String, String>> recorded =
                new ArrayList<>(before(runDirectory.resolve(RECORD)).entrySet());
        Collections.reverse(recorded);
        List<Change> changes = new ArrayList<>();
        HostSettings settings = new HostSettings(runDirectory, parameters);
        for (Map.Entry<String, String> setting : recorded) {
            String key = setting.getKey();
            settings.read(key).filter(now -> !now.equals(setting.getValue())).ifPresent(now -> {
                parameters.write(key, setting.getValue());
                changes.add(new Change(key, setting.getValue(), now));
            });
        }
        return changes;
    }
}
