package dev.ikat.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import picocli.CommandLine;

/**
 * Tells in one line why a command can't do its work, and what to do. Only what is a defect of the program has a stack
 * trace.
 */
final class CommandErrors {
    private CommandErrors() {}

    /** The same command line, whose errors are one line each. */
    static CommandLine inOneLine(CommandLine commandLine) {
        return commandLine
                .setParameterExceptionHandler((e, _) -> {
                    CommandLine command = e.getCommandLine();
                    print(command, reason(e) + "; '" + name(command) + " --help' lists the options");
                    return command.getCommandSpec().exitCodeOnInvalidInput();
                })
                .setExecutionExceptionHandler((e, command, _) -> {
                    if (isDefect(e)) {
                        throw e;
                    }
                    print(command, reason(e));
                    return command.getCommandSpec().exitCodeOnExecutionException();
                });
    }

    private static void print(CommandLine command, String text) {
        command.getErr().println(name(command) + ": " + text.strip().replaceAll("\\s*\\R\\s*", "; "));
    }

    private static String name(CommandLine command) {
        return command.getCommandSpec().qualifiedName();
    }

    /** Whether nothing but the program itself can be the reason: what Ikat throws on purpose says what happened. */
    static boolean isDefect(Exception e) {
        return !(e instanceof IOException)
                && !(e instanceof UncheckedIOException)
                && !e.getClass().getPackageName().startsWith("dev.ikat.");
    }

    /** What happened, without the names of Java's classes. */
    static String reason(Throwable e) {
        return switch (e) {
            case UncheckedIOException unchecked
            when unchecked.getCause() != null && isJust(unchecked, unchecked.getCause()) ->
                reason(unchecked.getCause());
            case AccessDeniedException denied -> "permission denied: " + denied.getFile();
            case NoSuchFileException missing when missing.getReason() == null -> "there is no " + missing.getFile();
            case FileAlreadyExistsException there when there.getReason() == null -> there.getFile() + " is in the way";
            case FileSystemException failed -> String.valueOf(failed.getMessage());
            default -> e.getMessage() == null ? e.toString() : e.getMessage();
        };
    }

    /** Whether an exception has no words of its own. */
    private static boolean isJust(UncheckedIOException e, Throwable cause) {
        return e.getMessage() == null || e.getMessage().equals(cause.toString());
    }

    /** Whether this process is root's, at least in its own user namespace. */
    static boolean isRoot() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        } catch (IOException e) {
            throw new UncheckedIOException("can't tell whose process this is: " + e, e);
        }
    }
}
