package dev.ikat.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class BenchHelpTest {
    private static Stream<String> commands() {
        return new CommandLine(new Bench()).getSubcommands().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyBenchmarkSaysWhatItMeasuresAndMeasuresNothing(String command) {
        StringWriter out = new StringWriter();

        int exitCode = new CommandLine(new Bench())
                .setCommandName("./dev bench")
                .setOut(new PrintWriter(out, true))
                .execute(command, "--help");

        assertThat(exitCode).isZero();
        assertThat(out.toString()).startsWith("Usage: ./dev bench " + command).contains("Show this help message");
    }
}
