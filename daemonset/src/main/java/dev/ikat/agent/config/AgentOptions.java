package dev.ikat.agent.config;

import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.model.InterfaceName;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The agent's options, validated.
 *
 * @param nodeName this node's name among the node objects
 * @param cluster the source of the cluster's objects
 * @param podCidrs the nodes' pod CIDRs, if they replace those of the Node objects
 * @param runDirectory the directory of socket, lock and leases
 * @param stateDirectory the directory in which the last known cluster is kept across reboots
 * @param conflistDirectory the directory in which the container runtime looks for network configurations
 * @param pluginDirectories the directories in which the container runtime looks for plugins
 * @param conflistName the network configuration's file name
 * @param chain the plugins that run after Ikat
 * @param keepChained whether what others change in the network configuration stays, as long as Ikat's part is in order
 * @param overlay how other nodes' pods are reached
 * @param uplink the interface to the other nodes; empty for the one with the node's InternalIP
 * @param masquerade whether packets that leave the cluster get the node's address
 * @param masqueradeForeign whether packets that others send through this node to other nodes' pods get its address, too
 * @param policy the settings for network policies
 * @param services the settings for services
 * @param announce the settings for announcing load balancers' addresses on the link
 * @param bgp the settings for BGP
 * @param listen where metrics and health are served
 * @param reconcileInterval the interval at which everything is compared even if nothing happened
 * @param leaseGrace how long a lease may be without its link before it counts as a leak
 * @param requestThreads how many CNI requests are handled at the same time
 * @param podGsoMaxSize the largest segment that TCP in a pod hands to its link, in bytes; empty for the kernel's
 *     default
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
        List<Path> pluginDirectories,
        String conflistName,
        List<ChainedPlugin> chain,
        boolean keepChained,
        OverlaySettings overlay,
        Optional<InterfaceName> uplink,
        boolean masquerade,
        boolean masqueradeForeign,
        PolicySettings policy,
        ServiceOptions services,
        AnnounceOptions announce,
        BgpOptions bgp,
        Listen listen,
        Duration reconcileInterval,
        Duration leaseGrace,
        int requestThreads,
        Optional<Integer> podGsoMaxSize,
        LogSettings log,
        Optional<FaultPoint> killAt) {
    /** The same with other settings for network policies. */
    public AgentOptions with(PolicySettings other) {
        return new AgentOptions(
                nodeName,
                cluster,
                podCidrs,
                runDirectory,
                stateDirectory,
                conflistDirectory,
                pluginDirectories,
                conflistName,
                chain,
                keepChained,
                overlay,
                uplink,
                masquerade,
                masqueradeForeign,
                other,
                services,
                announce,
                bgp,
                listen,
                reconcileInterval,
                leaseGrace,
                requestThreads,
                podGsoMaxSize,
                log,
                killAt);
    }
}
