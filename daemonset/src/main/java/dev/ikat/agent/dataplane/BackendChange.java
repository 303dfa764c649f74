package dev.ikat.agent.dataplane;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.policy.PolicySettings.Backend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies, from options that were read again, what can change while the agent runs, which is the policy backend; and
 * reports changes that can't be applied. Thread-safe.
 */
public final class BackendChange {
    private static final Logger LOG = LoggerFactory.getLogger(BackendChange.class);

    private final AgentOptions options;
    private final Dataplanes dataplanes;
    private final Runnable chosen;

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
        Backend backend = again.policy().backend();
        AgentOptions possible = options.with(options.policy().with(backend));
        if (!possible.equals(again)) {
            LOG.atWarn()
                    .addKeyValue("reason", "only policy-backend can change while the agent runs; restart the agent")
                    .log("reload-partial");
        }
        if (dataplanes.chosen() == backend) {
            return;
        }
        if (dataplanes.chosen() == Backend.NONE || backend == Backend.NONE) {
            LOG.atWarn()
                    .addKeyValue("reason", "changing --policy-backend from or to none needs a restart")
                    .log("reload-refused");
            return;
        }
        LOG.atInfo().addKeyValue("policy-backend", backend).log("reload");
        dataplanes.choose(backend);
        chosen.run();
    }
}
