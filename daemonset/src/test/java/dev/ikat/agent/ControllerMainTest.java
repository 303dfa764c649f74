package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class ControllerMainTest {
    private final StringWriter errors = new StringWriter();
    private final CommandLine commandLine = ControllerMain.commandLine().setErr(new PrintWriter(errors, true));

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        --listen=nonsense  | 'nonsense' has to be ADDRESS:PORT, as in 0.0.0.0:9475, or 0
        --identity=        | Missing --identity
        --cool-down=5x     | Invalid value for option '--cool-down'
        --log-level=loud   | Invalid value for option '--log-level'
        --without-class=no | Invalid value for option '--without-class'
        --nothing          | Unknown option: '--nothing'
        """)
    void whatIsWrongWithOptionsIsSaidInOneLine(String option, String reason) {
        assertThat(commandLine.execute(option)).isEqualTo(2);
        assertThat(errors.toString())
                .startsWith("ikat-controller: ")
                .contains(reason)
                .hasLineCount(1);
    }

    @Test
    void everyOptionIsDocumented() throws IOException {
        String page = Files.readString(Path.of("../docs/load-balancer.md"));

        for (OptionSpec option : commandLine.getCommandSpec().options()) {
            if (!option.usageHelp() && !option.versionHelp()) {
                assertThat(page).contains("`" + option.longestName() + "`");
            }
        }
    }
}
