package dev.ikat.cni;

import dev.ikat.ipam.AddressPlan;
import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The network configuration that a runtime passes on stdin (section 1 "Network configuration format" and what section 3
 * "Execution of Network Configurations" adds to it), parsed and validated.
 *
 * @param version the version of the answer
 * @param name the network's name
 * @param standalone whether pods may be wired without the node agent
 * @param mtu the pods' MTU in bytes, the node's choice if empty
 * @param addressPlan the network's own ranges, the node's pod CIDRs if empty
 * @param requestedAddresses addresses that the {@code ips} capability or {@code args.cni.ips} asks for
 * @param dns passed on into the result
 * @param previousResult the result of an earlier plugin of the chain (ADD), or of ADD (CHECK, DEL)
 * @param validAttachments what GC must keep
 */
public record NetworkConfig(
        CniVersion version,
        NetworkName name,
        boolean standalone,
        Optional<Integer> mtu,
        Optional<AddressPlan> addressPlan,
        List<IpAddress> requestedAddresses,
        CniResult.Dns dns,
        Optional<CniResult> previousResult,
        Optional<Set<Attachment>> validAttachments) {
    public NetworkConfig {
        requestedAddresses = List.copyOf(requestedAddresses);
        validAttachments = validAttachments.map(Set::copyOf);
    }
}
