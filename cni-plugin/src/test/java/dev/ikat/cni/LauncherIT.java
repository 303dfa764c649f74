package dev.ikat.cni;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.CniInvocation;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher and an agent that misbehaves in every way that a process and a socket can. */
@RequiresRoot
class LauncherIT {
    private static final int NOBODY = 65534;
    private static final Path DIRECTORY = Path.of(System.getProperty("ikat.cni"));
    private static final String CONFIG = "{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"type\": \"ikat\"}";

    private final TestDirectory runDirectory = TestDirectory.create();

    /** Not below the run directory, whose file system may not allow execution. */
    @TempDir
    private Path copy;

    @AfterEach
    void close() {
        runDirectory.close();
    }

    private ProcessResult run(Map<String, String> variables, String stdin) {
        return run(DIRECTORY.resolve("ikat"), variables, stdin);
    }

    private ProcessResult run(Path executable, Map<String, String> variables, String stdin) {
        return new CniInvocation(
                        List.of(),
                        executable,
                        Map.of("IKAT_RUN_DIR", runDirectory.path().toString()))
                .run(variables, stdin);
    }

    private FakeAgent agent(byte[]... answer) throws IOException {
        return new FakeAgent(socket(), answer);
    }

    private Path socket() {
        return runDirectory.path().resolve("agent.sock");
    }

    private static long code(ProcessResult result) {
        assertThat(result.exitCode()).as(result.stdout()).isEqualTo(1);
        return Json.parse(result.stdout()).get("code").number();
    }

    private static byte[] number(int value) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
    }

    @Test
    void requestCarriesTheVariablesAndTheConfiguration() throws Exception {
        try (FakeAgent agent = agent(number(4), number(0))) {
            run(Map.of("CNI_COMMAND", "ADD", "CNI_ARGS", "", "SECRET", "x"), CONFIG);

            String request = new String(agent.request(), ISO_8859_1);
            int end = request.indexOf("\0\0");
            assertThat(request.substring(end + 2)).isEqualTo(CONFIG);
            assertThat(request.substring(0, end).split("\0"))
                    .containsExactlyInAnyOrder("CNI_COMMAND=ADD", "CNI_ARGS=", "CNI_PATH=" + DIRECTORY);
        }
    }

    @Test
    void answerAndExitCodeAreTheAgents() throws Exception {
        try (FakeAgent _ = agent(number(4 + 3), number(7), "abc".getBytes(UTF_8))) {
            ProcessResult result = run(Map.of("CNI_COMMAND", "ADD"), CONFIG);

            assertThat(result.stdout()).isEqualTo("abc");
            assertThat(result.exitCode()).isEqualTo(7);
        }
    }

    @Test
    void answerInPiecesIsPutTogether() throws Exception {
        byte[] text = "x".repeat(300_000).getBytes(UTF_8);
        byte[] length = number(4 + text.length);
        byte[] first = {length[0], length[1]};
        byte[] second = {length[2], length[3]};
        try (FakeAgent _ = agent(first, second, number(0), text)) {
            ProcessResult result = run(Map.of("CNI_COMMAND", "ADD"), CONFIG);

            assertThat(result.stdout()).hasSize(text.length);
            assertThat(result.exitCode()).isZero();
        }
    }

    @Test
    void addIsToBeTriedAgainIfTheAgentEndsBeforeItAnswers() throws Exception {
        try (FakeAgent _ = agent()) {
            assertThat(code(run(Map.of("CNI_COMMAND", "ADD"), CONFIG))).isEqualTo(11);
        }
    }

    @Test
    void addIsToBeTriedAgainIfTheAgentEndsInTheMiddleOfItsAnswer() throws Exception {
        try (FakeAgent _ = agent(number(100), number(0))) {
            ProcessResult result = run(Map.of("CNI_COMMAND", "ADD"), CONFIG);

            assertThat(code(result)).isEqualTo(11);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, Integer.MAX_VALUE, -1})
    void lengthThatNoAnswerHasIsNoAnswer(int length) throws Exception {
        try (FakeAgent _ = agent(number(length), number(0))) {
            assertThat(code(run(Map.of("CNI_COMMAND", "ADD"), CONFIG))).isEqualTo(11);
        }
    }

    @Test
    void agentThatDoesNotReadKillsNobody() throws Exception {
        try (FakeAgent _ = FakeAgent.thatHangsUp(socket())) {
            // More than a socket's buffer holds: sending fails, which by default is a deadly SIGPIPE.
            assertThat(code(run(Map.of("CNI_COMMAND", "ADD"), CONFIG + " ".repeat(900_000))))
                    .isEqualTo(11);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"VERSION", "STATUS", "DEL", "CHECK", "GC"})
    void otherVerbsAreAnsweredWithoutAgentIfItEnds(String verb) throws Exception {
        try (FakeAgent _ = agent()) {
            ProcessResult result = run(Map.of("CNI_COMMAND", verb), CONFIG.replace("1.0.0", "1.1.0"));

            if (verb.equals("VERSION")) {
                assertThat(Json.parse(result.stdout()).has("supportedVersions")).isTrue();
            } else {
                // The plugin's own words: it has seen the verb and the configuration.
                assertThat(code(result))
                        .as(result.stdout())
                        .isEqualTo(Map.of("STATUS", 50L, "DEL", 4L, "CHECK", 4L, "GC", 7L)
                                .get(verb));
            }
        }
    }

    @Test
    void socketThatNobodyListensToIsNoAgent() throws Exception {
        ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(socket()))
                .close();
        assertThat(socket()).exists();

        assertThat(run(Map.of("CNI_COMMAND", "VERSION"), CONFIG).stdout()).contains("supportedVersions");
    }

    @Test
    void configurationThatExceedsAFrameIsRefused() {
        ProcessResult result = run(Map.of("CNI_COMMAND", "ADD"), CONFIG + " ".repeat(1 << 20));

        assertThat(code(result)).isEqualTo(6);
    }

    @Test
    void runDirectoryThatNoSocketFitsIntoIsRefused() {
        ProcessResult result = run(Map.of("CNI_COMMAND", "ADD", "IKAT_RUN_DIR", "/" + "d".repeat(107)), CONFIG);

        assertThat(code(result)).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(strings = {"run/ikat", "./ikat", "."})
    void runDirectoryThatDependsOnTheWorkingDirectoryIsRefused(String directory) {
        ProcessResult result = run(Map.of("CNI_COMMAND", "VERSION", "IKAT_RUN_DIR", directory), CONFIG);

        assertThat(code(result)).isEqualTo(4);
        assertThat(result.stdout()).contains("IKAT_RUN_DIR");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"})
    void socketOfAnotherUserIsSentNothing(String verb) throws Exception {
        // Its name is to be quoted in the error.
        Path directory = Files.createDirectory(runDirectory.path().resolve("\"\u001b"));
        for (Path owned : List.of(runDirectory.path(), directory)) {
            Files.setAttribute(owned, "unix:uid", NOBODY);
        }
        try (ListeningSocket agent = new ListeningSocket(directory.resolve("agent.sock"), NOBODY)) {
            ProcessResult result = run(Map.of("CNI_COMMAND", verb, "IKAT_RUN_DIR", directory.toString()), CONFIG);

            assertThat(code(result)).as(result.stdout()).isEqualTo(11);
            assertThat(Json.parse(result.stdout()).get("details").text())
                    .contains("uid " + NOBODY, runDirectory.path() + "/\"?/agent.sock", "restart the agent");
            assertThat(agent.receivedBytes()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ADD", "DEL"})
    void agentThatNeverAnswersIsGivenUp(String verb) throws Exception {
        try (ListeningSocket _ = new ListeningSocket(socket())) {
            assertGivenUp(run(Map.of("CNI_COMMAND", verb, "IKAT_TIMEOUT", "1"), CONFIG));
        }
    }

    @Test
    void agentThatNeverReadsIsGivenUp() throws Exception {
        try (ListeningSocket _ = new ListeningSocket(socket())) {
            assertGivenUp(run(Map.of("CNI_COMMAND", "ADD", "IKAT_TIMEOUT", "1"), CONFIG + " ".repeat(900_000)));
        }
    }

    @Test
    void agentThatNeverFinishesIsGivenUp() throws Exception {
        try (FakeAgent _ = FakeAgent.thatDribbles(socket())) {
            assertGivenUp(run(Map.of("CNI_COMMAND", "ADD", "IKAT_TIMEOUT", "1"), CONFIG));
        }
    }

    @Test
    void agentThatAcceptsNobodyIsGivenUp() throws Exception {
        try (ListeningSocket agent = new ListeningSocket(socket())) {
            agent.fillBacklog();

            assertGivenUp(run(Map.of("CNI_COMMAND", "ADD", "IKAT_TIMEOUT", "1"), CONFIG));
        }
    }

    private void assertGivenUp(ProcessResult result) {
        assertThat(code(result)).as(result.stdout()).isEqualTo(11);
        assertThat(result.stdout()).contains("within 1 s", socket().toString(), "IKAT_TIMEOUT");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "+5", " 5", "5s", "1.5", "86401", "4294967297", "x"})
    void timeoutThatIsNoNumberOfSecondsIsRefused(String timeout) {
        ProcessResult result = run(Map.of("CNI_COMMAND", "VERSION", "IKAT_TIMEOUT", timeout), CONFIG);

        assertThat(code(result)).isEqualTo(4);
        assertThat(result.stdout()).contains("IKAT_TIMEOUT");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "86400"})
    void timeoutIsWholeSecondsOrUnset(String timeout) throws Exception {
        try (FakeAgent _ = agent(number(4), number(0))) {
            assertThat(run(Map.of("CNI_COMMAND", "ADD", "IKAT_TIMEOUT", timeout), CONFIG)
                            .exitCode())
                    .isZero();
        }
    }

    @Test
    void optionsForOtherJvmsDoNotSpoilTheAnswer() {
        ProcessResult result = run(
                Map.of(
                        "CNI_COMMAND", "VERSION",
                        "JAVA_TOOL_OPTIONS", "-Xlog:gc",
                        "JDK_JAVA_OPTIONS", "-showversion",
                        "_JAVA_OPTIONS", "-verbose:class"),
                CONFIG);

        assertThat(Json.parse(result.stdout()).get("cniVersion").text()).isEqualTo("1.0.0");
        assertThat(result.stderr()).isEmpty();
    }

    @Test
    void imageWorksAfterItWasCopiedCacheIncluded() {
        ProcessRunner.output("cp", "-r", DIRECTORY + "/.", copy.toString());

        ProcessResult result = run(copy.resolve("ikat"), Map.of("CNI_COMMAND", "VERSION"), CONFIG);
        // With AOTMode=on the JVM ends unless it can use the cache.
        ProcessResult strict = ProcessRunner.of(
                        copy + "/ikat-runtime/bin/java",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx64m",
                        "-XX:-UsePerfData",
                        "-XX:AOTCache=" + copy + "/ikat-runtime/ikat.aot",
                        "-XX:AOTMode=on",
                        "--enable-native-access=dev.ikat.netlink",
                        "-m",
                        "dev.ikat.cni/dev.ikat.cni.cold.ColdMain")
                .withEnvironment(Map.of(
                        "CNI_COMMAND",
                        "VERSION",
                        "IKAT_RUN_DIR",
                        runDirectory.path().toString()))
                .withInput(CONFIG)
                .run();

        assertThat(result.stdout()).contains("supportedVersions");
        assertThat(strict.stdout()).isEqualTo(result.stdout());
    }

    @Test
    void launcherAloneSaysWhatIsMissing() throws Exception {
        Path alone = Files.copy(DIRECTORY.resolve("ikat"), copy.resolve("ikat"));

        ProcessResult result = run(alone, Map.of("CNI_COMMAND", "VERSION"), CONFIG);

        assertThat(code(result)).isEqualTo(11);
        assertThat(result.stdout()).contains("ikat-runtime");
    }

    @Test
    void helpSaysWhatItIs() {
        ProcessResult help =
                ProcessRunner.of(DIRECTORY.resolve("ikat").toString(), "--help").run();

        assertThat(help.exitCode()).isZero();
        assertThat(help.stdout()).contains("IKAT_RUN_DIR", "IKAT_TIMEOUT");
    }
}
