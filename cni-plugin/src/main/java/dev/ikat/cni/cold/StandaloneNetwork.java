package dev.ikat.cni.cold;

import dev.ikat.cni.CniError;
import dev.ikat.cni.CniException;
import dev.ikat.cni.NetworkConfig;
import dev.ikat.cni.PodNetwork;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.ipam.LeaseStoreException;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.Comparator;
import java.util.Optional;

/** A host without agent: what its network configuration says is all there is. */
final class StandaloneNetwork implements PodNetwork {
    private static final int DEFAULT_MTU = 1500;

    private final LeaseStore leases;
    private final Runnable mend;

    /**
     * @param leases where leases are, or will be
     * @param mend puts in order what a process that died has left, before anything is added
     */
    StandaloneNetwork(LeaseStore leases, Runnable mend) {
        this.leases = leases;
        this.mend = mend;
    }

    @Override
    public void requireReady(NetworkConfig config) {
        if (!config.standalone()) {
            throw new CniException(CniError.TRY_AGAIN_LATER, "the Ikat agent is not running", advice());
        }
        mend.run();
        enableForwarding(addressPlan(config));
    }

    private static String advice() {
        return "start it ('kubectl -n kube-system get pods -l app.kubernetes.io/name=ikat' in a cluster), or, on a host without"
                + " a cluster, set \"standalone\": true and 'ipam.ranges' in the network configuration";
    }

    /** Pods are routed: a host that does not forward would leave them alone with it. */
    private static void enableForwarding(AddressPlan plan) {
        for (IpFamily family : plan.families()) {
            String key = switch (family) {
                case IPV4 -> "net/ipv4/ip_forward";
                case IPV6 -> "net/ipv6/conf/all/forwarding";
            };
            try {
                if (!Sysctl.read(key).equals("1")) {
                    Sysctl.write(key, "1");
                }
            } catch (NetlinkException e) {
                throw new CniException(CniError.KERNEL, "can't enable forwarding on this host", e);
            }
        }
    }

    @Override
    public AddressPlan addressPlan(NetworkConfig config) {
        return config.addressPlan()
                .orElseThrow(() -> new CniException(
                        CniError.INVALID_NETWORK_CONFIG,
                        "a standalone network needs 'ipam.ranges'",
                        "for example \"ipam\": {\"ranges\": [[{\"subnet\": \"10.88.0.0/24\"}]]}"));
    }

    /** The MTU of the link that the default route leaves by. */
    @Override
    public int mtu(NetworkConfig config) {
        return config.mtu().orElseGet(() -> {
            try (Rtnetlink host = Rtnetlink.open()) {
                for (IpFamily family : IpFamily.values()) {
                    Optional<Link> uplink = host.routes(family, RouteFilter.ALL.table(Route.TABLE_MAIN)).stream()
                            .filter(route -> route.destination().prefixLength() == 0)
                            .min(Comparator.comparingInt(Route::metric))
                            .flatMap(Route::interfaceIndex)
                            .flatMap(host::link);
                    if (uplink.isPresent()) {
                        return uplink.get().mtu();
                    }
                }
                return DEFAULT_MTU;
            }
        });
    }

    @Override
    public Optional<CniException> status(NetworkConfig config) {
        if (!config.standalone()) {
            return Optional.of(new CniException(CniError.NOT_AVAILABLE, "the Ikat agent is not running", advice()));
        }
        // A network that could not be added to is broken, and says so.
        addressPlan(config);
        try {
            leases.requireWritable();
            return Optional.empty();
        } catch (LeaseStoreException e) {
            return Optional.of(new CniException(CniError.NOT_AVAILABLE, "leases can't be written", e));
        }
    }
}
