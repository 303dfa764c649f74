package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** How long processes have used a processor, as proc(5) counts. */
public final class ProcessCpu {
    /** The field utime of /proc/PID/stat, counted from what follows the name; then come stime, cutime and cstime. */
    private static final int UTIME = 11;

    private static final int FIELDS = 4;
    /** {@code sysconf(_SC_CLK_TCK)} on every Linux of today. */
    private static final long TICKS_PER_SECOND = 100;

    private ProcessCpu() {}

    /**
     * The time of a process, and of its children that have ended.
     *
     * @throws UncheckedIOException if it has ended
     */
    public static Duration withChildren(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            long ticks = 0;
            for (int i = UTIME; i < UTIME + FIELDS; i++) {
                ticks += Long.parseLong(fields[i]);
            }
            return Duration.ofSeconds(1).multipliedBy(ticks).dividedBy(TICKS_PER_SECOND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
