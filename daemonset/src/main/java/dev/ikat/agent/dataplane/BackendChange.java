package dev.ikat.agent.dataplane;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.policy.PolicySettings.Backend;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies, from options that were read again, what can change while the agent runs, which is the policy backend; and
 * keeps what could not be applied, until a later reload leaves nothing of it. Thread-safe.
 */
public final class BackendChange {
    private static final Logger LOG = LoggerFactory.getLogger(BackendChange.class);

    private final AgentOptions options;
    private final Dataplanes dataplanes;
    private final Runnable chosen;
    private volatile List<String> notApplied = List.of();

    /**
     * @param options the options with which the agent was started
     * @param chosen runs when another backend is to be put in force
     */
    public BackendChange(AgentOptions options, Dataplanes dataplanes, Runnable chosen) {
        this.options = options;
        this.dataplanes = dataplanes;
        this.chosen = chosen;
    }

    /** Chooses the backend that these options name. */
    public synchronized void reload(AgentOptions again) {
        List<String> refused = new ArrayList<>();
        Backend backend = again.policy().backend();
        AgentOptions possible = options.with(options.policy().with(backend));
        if (!possible.equals(again)) {
            refuse(
                    refused,
                    "reload-partial",
                    "settings other than policy-backend have changed, which needs a restart of the agent");
        }
        if (dataplanes.chosen() != backend) {
            if (dataplanes.chosen() == Backend.NONE || backend == Backend.NONE) {
                refuse(
                        refused,
                        "reload-refused",
                        "changing policy-backend from or to none needs a restart of the agent");
            } else {
                LOG.atInfo().addKeyValue("policy-backend", backend).log("reload");
                dataplanes.choose(backend);
                chosen.run();
            }
        }
        notApplied = List.copyOf(refused);
    }

    private static void refuse(List<String> refused, String event, String reason) {
        LOG.atWarn().addKeyValue("reason", reason).log(event);
        refused.add(reason);
    }

    /** The options could not be read again, so that those from before stay in force. */
    public synchronized void failed(List<String> faults) {
        LOG.atError().addKeyValue("error", String.join("; ", faults)).log("reload-failed");
        notApplied = List.copyOf(faults);
    }

    /** What the last reload could not apply, and why; empty before the first one. */
    public List<String> notApplied() {
        return notApplied;
    }
}
