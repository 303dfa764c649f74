package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The process to which a namespace, a directory or a control group belongs, encoded in its name as
 * {@code ikt-<pid>s<start time>-<n>}. The start time distinguishes the owner from a later process with the same pid. So
 * what a killed run left behind can be distinguished from what a running one uses.
 */
public final class RunOwner {
    /** Every name that this module gives to something outside the process begins so. */
    static final String PREFIX = "ikt-";

    private static final Pattern NAME = Pattern.compile("ikt-([0-9]+)(?:s([0-9a-z]+))?-.*");
    private static final AtomicInteger COUNTER = new AtomicInteger();

    private RunOwner() {}

    /** A name that no other process has, and nothing else in this one: 15 to 25 characters. */
    public static String uniqueName() {
        return prefix() + COUNTER.incrementAndGet();
    }

    /** What all names of this process begin with. */
    static String prefix() {
        long pid = ProcessHandle.current().pid();
        return PREFIX + pid + "s" + Long.toString(startTime(pid).orElse(0L), 36) + "-";
    }

    /** The part of a name that all names of its owner have. */
    static String prefixOf(String name) {
        return name.substring(0, name.lastIndexOf('-') + 1);
    }

    /** Whether the name is of this module's form and its owner has ended. */
    static boolean isStale(String name) {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches()) {
            return false;
        }
        Optional<Long> running = startTime(Long.parseLong(matcher.group(1)));
        String start = matcher.group(2);
        return running.isEmpty() || (start != null && Long.parseLong(start, 36) != running.get());
    }

    /** The start time of a process in clock ticks after boot (proc(5), field 22 of stat); empty if it has ended. */
    public static Optional<Long> startTime(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            // The command name, field 2, may hold blanks and parentheses; the fields after it do not.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            boolean ended = fields[0].equals("Z") || fields[0].equals("X");
            return ended ? Optional.empty() : Optional.of(Long.parseLong(fields[19]));
        } catch (java.nio.file.NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            // A process that ends while its file is read gives ESRCH.
            if (!Files.exists(Path.of("/proc/" + pid))) {
                return Optional.empty();
            }
            throw new UncheckedIOException(e);
        }
    }
}
