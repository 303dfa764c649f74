package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a running process holds (proc(5)).
 *
 * @param descriptors open file descriptors
 * @param threads kernel threads
 * @param residentMebibytes VmRSS: its own memory and that of its libraries, with shared pages counted in full
 */
public record ProcessFootprint(int descriptors, int threads, double residentMebibytes) {
    private static final Pattern USED = Pattern.compile("used ([0-9]+)K");

    /**
     * The current values of a process.
     *
     * @throws UncheckedIOException if it has ended
     */
    public static ProcessFootprint of(long pid) {
        Path process = Path.of("/proc/" + pid);
        try {
            double resident = Files.readAllLines(process.resolve("status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToDouble(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024.0)
                    .findFirst()
                    .orElseThrow(() -> new IOException(process + " has ended"));
            return new ProcessFootprint(count(process.resolve("fd")), count(process.resolve("task")), resident);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * What of a process's memory no other process and no file has, in MiB: what the node gets back when it ends.
     *
     * @throws UncheckedIOException if it has ended
     */
    public static double privateMebibytes(long pid) {
        try {
            return Files.readAllLines(Path.of("/proc/" + pid + "/smaps_rollup")).stream()
                            .filter(line -> line.startsWith("Private_Dirty:"))
                            .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                            .sum()
                    / 1024.0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int count(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return (int) entries.count();
        }
    }

    /** The size of the live objects on the heap of a Java process, in MiB, after a garbage collection. */
    public static double liveHeapMebibytes(long pid) {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        String process = Long.toString(pid);
        ProcessRunner.of(jcmd, process, "GC.run").run().orThrow();
        // A generation a line; the class metadata below are no part of the heap.
        String heap = ProcessRunner.of(jcmd, process, "GC.heap_info")
                .run()
                .orThrow()
                .stdout()
                .replaceFirst("(?s)Metaspace.*", "");
        double kibibytes = 0;
        for (Matcher used = USED.matcher(heap); used.find(); ) {
            kibibytes += Long.parseLong(used.group(1));
        }
        return kibibytes / 1024;
    }
}
