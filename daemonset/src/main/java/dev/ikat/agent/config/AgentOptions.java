package dev.ikat.agent.config;

import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.model.InterfaceName;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The agent's options, checked.
 *
 * @param nodeName this node's name among the node objects
 * @param cluster where it is said what the cluster is
 * @param podCidrs the nodes' address blocks where the cluster is not to say them
 * @param runDirectory where socket, lock and leases are
 * @param stateDirectory where the last known cluster is kept, over a reboot
 * @param conflistDirectory where the container runtime looks for network configurations
 * @param conflistName the network configuration's file name
 * @param chain the plugins to run after Ikat, by their type
 * @param overlay how other nodes' pods are reached
 * @param uplink the interface to the other nodes; empty for the one with the node's InternalIP
 * @param masquerade whether pods' addresses are hidden outside the cluster
 * @param policy what is decided about network policies
 * @param listen where metrics and health are served; empty for nowhere
 * @param reconcileInterval after how long everything is looked at although nothing happened
 * @param leaseGrace how long a lease may be without its link before it counts as leaked
 * @param requestThreads how many CNI requests are handled at once
 * @param podGsoMaxSize the largest piece that TCP in a pod hands to its link, in bytes; empty for the kernel's usual
 * @param log how events are logged
 * @param killAt where to die, for tests
 */
public record AgentOptions(
        String nodeName,
        ClusterOrigin cluster,
        FixedPodCidrs podCidrs,
        Path runDirectory,
        Path stateDirectory,
        Path conflistDirectory,
        String conflistName,
        List<String> chain,
        OverlaySettings overlay,
        Optional<InterfaceName> uplink,
        boolean masquerade,
        PolicySettings policy,
        Optional<InetSocketAddress> listen,
        Duration reconcileInterval,
        Duration leaseGrace,
        int requestThreads,
        Optional<Integer> podGsoMaxSize,
        LogSettings log,
        Optional<FaultPoint> killAt) {
    /** The same with other decisions about network policies. */
    public AgentOptions with(PolicySettings other) {
        return new AgentOptions(
                nodeName,
                cluster,
                podCidrs,
                runDirectory,
                stateDirectory,
                conflistDirectory,
                conflistName,
                chain,
                overlay,
                uplink,
                masquerade,
                other,
                listen,
                reconcileInterval,
                leaseGrace,
                requestThreads,
                podGsoMaxSize,
                log,
                killAt);
    }
}
