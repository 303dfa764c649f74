package dev.ikat.testbed.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.report.CommandErrors;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What the demo says of options that are invalid, before it makes anything. */
class DemoTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--nodes=0     | --nodes=0 is invalid: it has to be 1 to 20",
                "--nodes=21    | --nodes=21 is invalid: it has to be 1 to 20",
                "--nodes=many  | Invalid value for option '--nodes': 'many' is not an int",
                "--pods=0      | --pods=0 is invalid: it has to be 1 to 100",
                "--overlay=ice | --overlay=ice is invalid: it has to be vxlan or direct or auto",
                "--nods=2      | Unknown option: '--nods=2'"
            })
    void invalidOptionIsOneLineThatSaysWhatToDo(String option, String reason) {
        StringWriter errors = new StringWriter();

        int exitCode = CommandErrors.inOneLine(new CommandLine(new Demo()).setCommandName("./dev demo"))
                .setErr(new PrintWriter(errors, true))
                .execute(option);

        assertThat(exitCode).isEqualTo(2);
        assertThat(errors.toString().lines())
                .containsExactly("./dev demo: " + reason + "; './dev demo --help' lists the options");
    }

    @Test
    void demoOfBgpSaysOfAnIntervalWhatItMayBe() {
        StringWriter errors = new StringWriter();

        int exitCode = CommandErrors.inOneLine(new CommandLine(new Demo()).setCommandName("./dev demo"))
                .setErr(new PrintWriter(errors, true))
                .execute("bgp", "--bfd=5");

        assertThat(exitCode).isEqualTo(2);
        assertThat(errors.toString()).contains("--bfd=5 is invalid: it has to be 10 to 1000");
    }
}
