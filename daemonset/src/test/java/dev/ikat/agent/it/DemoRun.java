package dev.ikat.agent.it;

import dev.ikat.testbed.cluster.Distribution;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A demo in a process of its own, and what it makes on the machine. */
final class DemoRun {
    private DemoRun() {}

    /** What starts it, with these arguments. */
    static List<String> command(String... arguments) {
        // A build that was started in the background ignores SIGINT, and so would its children.
        List<String> command = new ArrayList<>(List.of(
                "env",
                "--default-signal=INT",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-D" + Distribution.PROPERTY + "=" + Distribution.configured().root(),
                "-cp",
                System.getProperty("java.class.path"),
                "dev.ikat.testbed.demo.Demo"));
        command.addAll(List.of(arguments));
        return command;
    }

    /** The names of the network namespaces of the demo with this process. */
    static List<String> namespacesOf(long pid) throws IOException {
        try (var files = Files.list(Path.of("/run/netns"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith(mark(pid)))
                    .toList();
        }
    }

    /** The command lines of those whom it has started: their arguments name directories of the demo. */
    static List<String> processesOf(long pid) {
        return ProcessHandle.allProcesses()
                .map(process -> read(Path.of("/proc", Long.toString(process.pid()), "cmdline")))
                .filter(line -> line.contains(mark(pid)))
                .toList();
    }

    private static String mark(long pid) {
        return "ikt-" + pid + "s";
    }

    /** A file's content; empty if it can't be read. */
    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }
}
