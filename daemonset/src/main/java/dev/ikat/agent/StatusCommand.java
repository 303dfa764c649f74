package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.agent.config.Setting;
import dev.ikat.agent.server.ControlClient;
import dev.ikat.agent.status.AgentStatus;
import dev.ikat.agent.status.StatusText;
import dev.ikat.cni.CniResponse;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ikat-agent status}: asks the running agent. */
@Command(
        name = "status",
        mixinStandardHelpOptions = true,
        description = "Says how this node's agent is: whether pods can be given a network and if not why, backend, ways"
                + " to other nodes, addresses, last errors.",
        footer = {"", "The exit code is 0 if it is ready, 3 if not, 1 if there is no agent to ask."})
final class StatusCommand implements Callable<Integer> {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int NOT_READY = 3;

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "The agent's. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_RUN_DIR:-/run/ikat}")
    Path runDirectory = Path.of("/run/ikat");

    @Option(names = "--json", description = "JSON instead of text.")
    boolean json;

    @Override
    public Integer call() {
        if (spec == null) {
            throw new IllegalStateException("run by picocli only");
        }
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        try {
            CniResponse answer = ControlClient.ask(Setting.RUN_DIR.path(runDirectory), AgentStatus.QUESTION, LIMIT);
            if (answer.exitCode() != 0) {
                err.println("ikat-agent status: the agent refused: " + new String(answer.stdout(), UTF_8));
                return 1;
            }
            out.print(json ? new String(answer.stdout(), UTF_8) + "\n" : StatusText.of(answer.stdout()));
            out.flush();
            return StatusText.isReady(answer.stdout()) ? 0 : NOT_READY;
        } catch (IOException e) {
            err.println("ikat-agent status: no agent answers in " + runDirectory + ": " + e.getMessage()
                    + "; is it running, with this --run-dir, and are you root?");
            return 1;
        }
    }
}
