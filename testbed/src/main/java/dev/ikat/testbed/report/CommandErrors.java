package dev.ikat.testbed.report;

import dev.ikat.testbed.host.CommandFailedException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Tells people in one line what is wrong with a command, and where they can read what it takes. */
public final class CommandErrors {
    private CommandErrors() {}

    /** The same command line, whose errors are one line each; a defect of the program keeps its stack trace. */
    public static CommandLine inOneLine(CommandLine commandLine) {
        return commandLine
                .setParameterExceptionHandler((e, _) -> {
                    CommandLine command = e.getCommandLine();
                    command.getErr().println(line(command, e) + "; '" + name(command) + " --help' lists the options");
                    return command.getCommandSpec().exitCodeOnInvalidInput();
                })
                .setExecutionExceptionHandler((e, command, _) -> {
                    if (!(e instanceof CommandFailedException)) {
                        throw e;
                    }
                    command.getErr().println(line(command, e));
                    return command.getCommandSpec().exitCodeOnExecutionException();
                });
    }

    /** An error in the use of a command, for its {@link #inOneLine} to tell. */
    public static ParameterException invalid(CommandLine command, String option, Object value, String expected) {
        return new ParameterException(command, option + "=" + value + " is invalid: it has to be " + expected);
    }

    private static String line(CommandLine command, Exception e) {
        return name(command) + ": " + String.valueOf(e.getMessage()).strip().replaceAll("\\s*\\R\\s*", "; ");
    }

    private static String name(CommandLine command) {
        return command.getCommandSpec().qualifiedName();
    }
}
