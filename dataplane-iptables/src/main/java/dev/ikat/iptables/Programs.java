package dev.ikat.iptables;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
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
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.environment().put("LC_ALL", "C");
        try {
            Process process = builder.start();
            CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> read(process.getInputStream()));
            CompletableFuture<String> errors = CompletableFuture.supplyAsync(() -> read(process.getErrorStream()));
            try (var stdin = process.getOutputStream()) {
                stdin.write(input.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // It has ended early; its exit code and its words say why.
            }
            if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new IptablesException(String.join(" ", command) + " did not end within " + LIMIT.toSeconds()
                        + " s; another process may hold the xtables lock");
            }
            if (process.exitValue() != 0) {
                throw new IptablesException(failure(command, input, errors.get()));
            }
            return output.get();
        } catch (IOException e) {
            throw new IptablesException(command[0] + " can't be run; install iptables and ipset", e);
        } catch (ExecutionException e) {
            throw new IptablesException(command[0] + ": can't read its output", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IptablesException(command[0] + " was interrupted", e);
        }
    }

    private static String read(InputStream stream) {
        try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "";
        }
    }

    private static String failure(String[] command, String input, String errors) {
        String words = errors.strip().replaceAll("\\s*\\n\\s*", "; ");
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
