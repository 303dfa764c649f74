package dev.ikat.kubernetes;

import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.ServiceCidr;
import java.util.List;

/** The kinds that a source can be opened with. */
public final class ApiKinds {
    public static final ApiKind<Node> NODES = NodeForm.KIND;
    public static final ApiKind<Namespace> NAMESPACES = NamespaceForm.KIND;
    public static final ApiKind<Pod> PODS = PodForm.KIND;
    public static final ApiKind<NetworkPolicy> NETWORK_POLICIES = NetworkPolicyForm.KIND;

    public static final ApiKind<Service> SERVICES = ServiceForm.KIND;
    public static final ApiKind<EndpointSlice> ENDPOINT_SLICES = EndpointSliceForm.KIND;
    public static final ApiKind<ServiceCidr> SERVICE_CIDRS = ServiceCidrForm.KIND;

    /** The kinds that a node's network and its policies depend on. */
    public static final List<ApiKind<?>> NETWORKING = List.of(NODES, NAMESPACES, PODS, NETWORK_POLICIES);

    /** The further kinds that a node needs to send connections to services on. */
    public static final List<ApiKind<?>> SERVICE_KINDS = List.of(SERVICES, ENDPOINT_SLICES, SERVICE_CIDRS);

    public static final ApiKind<BgpPeer> BGP_PEERS = BgpPeerForm.KIND;
    public static final ApiKind<BgpAdvertisement> BGP_ADVERTISEMENTS = BgpAdvertisementForm.KIND;

    /** The further kinds that a node needs to speak BGP; it announces addresses of services, too. */
    public static final List<ApiKind<?>> BGP_KINDS = List.of(BGP_PEERS, BGP_ADVERTISEMENTS, SERVICES, ENDPOINT_SLICES);

    /** The further kinds that a node needs to announce addresses of load balancers on its links. */
    public static final List<ApiKind<?>> ANNOUNCED_KINDS = List.of(SERVICES, ENDPOINT_SLICES);

    public static final ApiKind<AddressPool> ADDRESS_POOLS = AddressPoolForm.KIND;

    /** Services as whoever gives them addresses sees them; a source can be opened with them or with SERVICES. */
    public static final ApiKind<LoadBalancerService> LOAD_BALANCER_SERVICES = LoadBalancerServiceForm.KIND;

    /** The kinds that addresses of services depend on. */
    public static final List<ApiKind<?>> ADDRESS_KINDS = List.of(ADDRESS_POOLS, LOAD_BALANCER_SERVICES, NAMESPACES);

    private ApiKinds() {}
}
