package dev.ikat.iptables;

import dev.ikat.dataplane.HostProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs the programs of iptables and ipset, with their commands on standard input.
 *
 * @param entering the words before each command, such as those that enter a network namespace; none for the process's
 *     own
 */
public record Programs(List<String> entering) {
    /** Beyond this a program hangs, or waits for somebody who holds the xtables lock for ever. */
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static final Pattern LINE = Pattern.compile("line:? ?(\\d+)");

    public Programs {
        entering = List.copyOf(entering);
    }

    /** In the network namespace of the calling thread. */
    public static Programs here() {
        return new Programs(List.of());
    }

    /**
     * What the program printed.
     *
     * @throws IptablesException if it fails; the message has its words, and the line of the input that it names
     */
    String run(String input, String... command) {
        List<String> words = new ArrayList<>(entering);
        words.addAll(List.of(command));
        try {
            HostProgram ended = HostProgram.run(words, input, LIMIT);
            if (ended.exitCode() != 0) {
                throw new IptablesException(failure(command, input, ended.complaint()));
            }
            return ended.output();
        } catch (TimeoutException e) {
            throw new IptablesException(
                    String.join(" ", command) + " did not end within " + LIMIT.toSeconds()
                            + " s; another process may hold the xtables lock",
                    e);
        } catch (IOException e) {
            throw new IptablesException(command[0] + " can't be run; install iptables and ipset", e);
        } catch (UncheckedIOException e) {
            throw new IptablesException(command[0] + ": can't read its output", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IptablesException(command[0] + " was interrupted", e);
        }
    }

    private static String failure(String[] command, String input, String complaint) {
        String words = complaint;
        Matcher line = LINE.matcher(words);
        List<String> lines = input.lines().toList();
        if (line.find()) {
            int number = Integer.parseInt(line.group(1));
            if (number >= 1 && number <= lines.size()) {
                words += ": '" + lines.get(number - 1) + "'";
            }
        }
        return String.join(" ", command) + " failed: " + words;
    }
}
