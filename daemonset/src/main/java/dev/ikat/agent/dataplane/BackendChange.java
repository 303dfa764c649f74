package dev.ikat.agent.dataplane;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.policy.PolicySettings.Backend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over from options read anew what can change while the agent runs, which is what enforces policies, and says
 * what can't. Thread-safe.
 */
public final class BackendChange {
    private static final Logger LOG = LoggerFactory.getLogger(BackendChange.class);

    private final AgentOptions options;
    private final Dataplanes dataplanes;
    private final Runnable chosen;

    /**
     * @param options with which the agent was started
     * @param chosen runs when another one is to be in force
     */
    public BackendChange(AgentOptions options, Dataplanes dataplanes, Runnable chosen) {
        this.options = options;
        this.dataplanes = dataplanes;
        this.chosen = chosen;
    }

    /** From now on it is to be the one that these options name. */
    public synchronized void reload(AgentOptions again) {
        Backend backend = again.policy().backend();
        AgentOptions possible = options.with(options.policy().with(backend));
        if (!possible.equals(again)) {
            LOG.atWarn()
                    .addKeyValue("reason", "only policy-backend can change while the agent runs; restart it")
                    .log("reload-partial");
        }
        if (dataplanes.chosen() == backend) {
            return;
        }
        if (dataplanes.chosen() == Backend.NONE || backend == Backend.NONE) {
            LOG.atWarn()
                    .addKeyValue("reason", "--policy-backend can change from or to none only by a restart")
                    .log("reload-refused");
            return;
        }
        LOG.atInfo().addKeyValue("policy-backend", backend).log("reload");
        dataplanes.choose(backend);
        chosen.run();
    }
}
