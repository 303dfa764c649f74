package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StartedPartsTest {
    private final List<String> stopped = new ArrayList<>();
    private final StartedParts parts = new StartedParts();

    @Test
    void partsAreStoppedInReverseAndOnce() {
        parts.keep(() -> stopped.add("lock"));
        parts.keep(() -> stopped.add("server"));
        parts.close();
        parts.close();
        assertThat(stopped).containsExactly("server", "lock");
    }

    @Test
    void partThatCannotBeStoppedKeepsNoOtherFromIt() {
        parts.keep(() -> stopped.add("lock"));
        parts.keep(() -> {
            throw new IOException("expected by the test");
        });
        parts.close();
        assertThat(stopped).containsExactly("lock");
    }
}
