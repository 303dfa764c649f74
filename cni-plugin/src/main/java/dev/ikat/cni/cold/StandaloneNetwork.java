package dev.ikat.cni.cold;

import dev.ikat.cni.CniError;
import dev.ikat.cni.CniException;
import dev.ikat.cni.Forwarding;
import dev.ikat.cni.HostAddresses;
import dev.ikat.cni.LastAgent;
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
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.Optional;
import java.util.function.Consumer;

/** A host without agent: what its network configuration says is all there is. */
final class StandaloneNetwork implements PodNetwork {
    private static final int DEFAULT_MTU = 1500;
    /** IPv6 needs links that take this much (RFC 8200, section 5). */
    private static final int MIN_MTU_IPV6 = 1280;

    private final Path runDirectory;
    private final LeaseStore leases;
    private final LastAgent lastAgent;
    private final Runnable mend;
    private final Consumer<String> warnings;
    private Optional<AddressPlan> plan = Optional.empty();

    /**
     * @param runDirectory where it is recorded what the host's settings were
     * @param leases where leases are, or will be
     * @param lastAgent says whether there was an agent a moment ago
     * @param mend puts in order what a process that died has left, before anything is added
     * @param warnings is told what pods do without
     */
    StandaloneNetwork(
            Path runDirectory, LeaseStore leases, LastAgent lastAgent, Runnable mend, Consumer<String> warnings) {
        this.runDirectory = runDirectory;
        this.leases = leases;
        this.lastAgent = lastAgent;
        this.mend = mend;
        this.warnings = warnings;
    }

    @Override
    public void requireReady(NetworkConfig config) {
        if (!config.standalone()) {
            throw new CniException(CniError.TRY_AGAIN_LATER, "the Ikat agent is not running", advice());
        }
        mend.run();
        AddressPlan usable = addressPlan(config);
        if (!usable.equals(configured(config))) {
            ipv6Missing(config).ifPresent(warnings);
        }
        enableForwarding(usable);
    }

    private static String advice() {
        return "start it ('kubectl -n kube-system get pods -l app.kubernetes.io/name=ikat' in a cluster), or, on a host without"
                + " a cluster, set \"standalone\": true and 'ipam.ranges' in the network configuration";
    }

    /** Pods are routed: a host that does not forward would leave them alone with it. */
    private void enableForwarding(AddressPlan plan) {
        try (Rtnetlink host = Rtnetlink.open()) {
            new Forwarding(runDirectory, Sysctl.PARAMETERS, host).reconcile(plan.families(), Optional.empty());
        } catch (NetlinkException | UncheckedIOException e) {
            throw new CniException(CniError.KERNEL, "can't enable forwarding on this host", e);
        }
    }

    /** The configuration's ranges without what the host has for itself. The process answers one request. */
    @Override
    public AddressPlan addressPlan(NetworkConfig config) {
        if (plan.isEmpty()) {
            AddressPlan usable = usable(config, ipv6Missing(config));
            try (Rtnetlink host = Rtnetlink.open()) {
                plan = Optional.of(usable.without(HostAddresses.addresses(HostAddresses.read(host))));
            } catch (IllegalArgumentException e) {
                throw new CniException(
                        CniError.TRY_AGAIN_LATER, "this host has all addresses of 'ipam.ranges' for itself", e);
            }
        }
        return plan.get();
    }

    private static AddressPlan usable(NetworkConfig config, Optional<String> missing) {
        AddressPlan all = configured(config);
        return missing.isEmpty()
                ? all
                : all.of(EnumSet.of(IpFamily.IPV4))
                        .orElseThrow(() -> new CniException(
                                CniError.INVALID_NETWORK_CONFIG,
                                "network '" + config.name() + "' has no IPv4 range",
                                missing.get()));
    }

    private static AddressPlan configured(NetworkConfig config) {
        return config.addressPlan()
                .orElseThrow(() -> new CniException(
                        CniError.INVALID_NETWORK_CONFIG,
                        "a standalone network needs 'ipam.ranges'",
                        "for example \"ipam\": {\"ranges\": [[{\"subnet\": \"10.77.0.0/24\"}]]}"));
    }

    /** Why pods can't have the IPv6 addresses that the configuration has ranges of. */
    private Optional<String> ipv6Missing(NetworkConfig config) {
        if (!configured(config).families().contains(IpFamily.IPV6)) {
            return Optional.empty();
        }
        if (!Sysctl.hasIpv6(Sysctl.PARAMETERS)) {
            return Optional.of("pods get no IPv6 address, because the kernel has no IPv6 (there is no"
                    + " /proc/sys/net/ipv6); remove ipv6.disable=1 from its command line and reboot");
        }
        int mtu = mtu(config);
        return mtu >= MIN_MTU_IPV6
                ? Optional.empty()
                : Optional.of("pods get no IPv6 address, because their MTU " + mtu + " is below IPv6's minimum of "
                        + MIN_MTU_IPV6 + "; raise the MTU of the link that the default route leaves by");
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
            return lastAgent.isRecent()
                    ? Optional.empty()
                    : Optional.of(new CniException(CniError.NOT_AVAILABLE, "the Ikat agent is not running", advice()));
        }
        // A network that could not be added to is broken, and says so.
        configured(config);
        try {
            leases.requireWritable();
            return Optional.empty();
        } catch (LeaseStoreException e) {
            return Optional.of(new CniException(CniError.NOT_AVAILABLE, "leases can't be written", e));
        }
    }
}
