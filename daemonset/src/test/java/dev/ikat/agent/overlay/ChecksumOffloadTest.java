package dev.ikat.agent.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChecksumOffloadTest {
    @ParameterizedTest
    @CsvSource({
        "AUTO, 4.19.0-26-amd64, OFF",
        "AUTO, 5.4.0-150-generic, OFF",
        "AUTO, 5.6.19, OFF",
        "AUTO, 5.7.0, ON",
        "AUTO, 5.14.0-362.el9.x86_64, ON",
        "AUTO, 6.1.0-18-amd64, ON",
        "AUTO, 10.0, ON",
        "AUTO, unknown, OFF",
        "ON, 4.19.0, ON",
        "OFF, 6.18.1, OFF"
    })
    void isOffWhereTheKernelOrTheOperatorWantsItOff(
            ChecksumOffload asked, String kernelRelease, ChecksumOffload result) {
        assertThat(asked.on(kernelRelease)).isEqualTo(result);
    }
}
