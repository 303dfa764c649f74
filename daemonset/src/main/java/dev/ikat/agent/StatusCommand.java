package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.agent.config.Setting;
import dev.ikat.agent.server.ControlClient;
import dev.ikat.agent.status.AgentStatus;
import dev.ikat.agent.status.PolicyReviewStatus;
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
        description = "Shows the state of this node's agent: whether pods can be given a network and if not why, "
                + "the backend, the paths to other nodes, addresses, the last errors.",
        footer = {
            "",
            "The exit code is 0 if the agent is ready, 3 if it is not, and 1 if no agent answers.",
            "With --policies it is 0 if nothing was found, 3 if something was, and 1 if policies could not be reviewed."
        })
final class StatusCommand implements Callable<Integer> {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int NOT_READY = 3;
    private static final int FOUND = 3;

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "The agent's run directory. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_RUN_DIR:-/run/ikat}")
    Path runDirectory = Path.of("/run/ikat");

    @Option(names = "--json", description = "Print JSON instead of text.")
    boolean json;

    @Option(
            names = "--policies",
            description = "Instead of the state, list what in the cluster's policies is valid but has no effect: "
                    + "selectors that select nothing, ports that no pod has, namespaces that do not exist.")
    boolean policies;

    @Override
    public Integer call() {
        if (spec == null) {
            throw new IllegalStateException("only picocli may call this");
        }
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        try {
            CniResponse answer = ControlClient.ask(
                    Setting.RUN_DIR.path(runDirectory),
                    policies ? PolicyReviewStatus.QUESTION : AgentStatus.QUESTION,
                    LIMIT);
            if (answer.exitCode() != 0) {
                err.println("ikat-agent status: the agent refused: " + new String(answer.stdout(), UTF_8));
                return 1;
            }
            byte[] told = answer.stdout();
            String text;
            int exitCode;
            if (policies) {
                PolicyReviewStatus.Answer review = PolicyReviewStatus.read(told);
                text = review.text();
                exitCode = !review.reviewed() ? 1 : review.findings() == 0 ? 0 : FOUND;
            } else {
                text = StatusText.of(told);
                exitCode = StatusText.isReady(told) ? 0 : NOT_READY;
            }
            out.print(json ? new String(told, UTF_8) + "\n" : text);
            out.flush();
            return exitCode;
        } catch (IOException e) {
            err.println("ikat-agent status: no agent answers in " + runDirectory + ": " + e.getMessage()
                    + "; is the agent running, with this --run-dir, and are you root?");
            return 1;
        }
    }
}
