package dev.ikat.agent.services;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.Sysctl;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel's limits of connection tracking that are too low for a node on which services are translated. They are
 * raised to the defaults of kube-proxy ({@code KubeProxyConntrackConfiguration}, kubeproxy.config.k8s.io/v1alpha1), and
 * never lowered. Not thread-safe.
 */
final class ConntrackLimits {
    private static final Logger LOG = LoggerFactory.getLogger(ConntrackLimits.class);
    private static final long MOST_PER_PROCESSOR = 32_768;
    private static final long MOST_AT_LEAST = 131_072;
    /** In seconds. A client that has ended its half of a connection may wait for the other half for longer than 60. */
    private static final long CLOSE_WAIT = 3600;

    private final Sysctl.Parameters parameters;
    private final Map<String, Long> least = new LinkedHashMap<>();
    private final Set<String> refused = new HashSet<>();

    /**
     * @param parameters of the node's network namespace
     * @param processors how many there are
     */
    ConntrackLimits(Sysctl.Parameters parameters, int processors) {
        this.parameters = parameters;
        least.put("net/netfilter/nf_conntrack_max", Math.max(MOST_AT_LEAST, MOST_PER_PROCESSOR * processors));
        least.put("net/netfilter/nf_conntrack_tcp_timeout_close_wait", CLOSE_WAIT);
    }

    /** Raises those that are lower; one that can't be raised is left as it is, and named in the log once. */
    void raise() {
        least.forEach((key, wanted) -> {
            try {
                String is = parameters.read(key);
                if (Long.parseLong(is) < wanted) {
                    parameters.write(key, Long.toString(wanted));
                    LOG.atInfo()
                            .addKeyValue("parameter", key)
                            .addKeyValue("was", is)
                            .addKeyValue("is", wanted)
                            .log("conntrack-limit-raised");
                }
            } catch (NetlinkException | NumberFormatException e) {
                // Only the initial network namespace may set the first one.
                if (refused.add(key)) {
                    LOG.atWarn()
                            .addKeyValue("parameter", key)
                            .addKeyValue("wanted", wanted)
                            .addKeyValue("reason", e.getMessage())
                            .log("conntrack-limit-not-raised");
                }
            }
        });
    }
}
