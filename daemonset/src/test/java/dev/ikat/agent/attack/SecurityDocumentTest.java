package dev.ikat.agent.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/security.md says was tried, is; and the other way round. */
class SecurityDocumentTest {
    @Test
    void eachAttackHasItsRow() throws IOException {
        assertThat(Files.readString(Path.of("../docs/security.md"))
                        .replaceFirst("(?s).*\n\\| attack \\|[^\n]*\n[^\n]*\n(.*?)\n\n.*", "$1")
                        .lines()
                        .map(row -> row.split("\\|", -1)[1].strip()))
                .containsExactlyInAnyOrderElementsOf(Stream.of(
                                Attacks.all().stream().map(Attack::name),
                                LinkAttack.all().stream().map(LinkAttack::name),
                                Stream.of("`claimedNeighboursLeaveRoomForOthers`"))
                        .flatMap(names -> names)
                        .toList());
    }
}
