package dev.ikat.cni;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Netlink;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The kernel settings without which no packet from a pod is forwarded: IP forwarding, for the address families that
 * pods have. A host that forwards must not lose what it knows by router advertisements for that. Former values are kept
 * by {@link HostSettings}. The calling thread is in the node's network namespace. Not thread-safe.
 */
public final class Forwarding {
    private static final String ON = "1";
    private static final String IPV4 = "net/ipv4/ip_forward";
    private static final String IPV6 = "net/ipv6/conf/all/forwarding";

    /** Router advertisements are accepted by a host (accept_ra 1), or also by a router (2). */
    private static final String BY_HOST = "1";

    private static final String BY_ROUTER = "2";

    private final HostSettings settings;
    private final Netlink netlink;
    /** Of changes of these the kernel sends no notification. */
    private volatile Set<String> advertised = Set.of();

    /** @param runDirectory holds the record of former values */
    public Forwarding(Path runDirectory, Sysctl.Parameters parameters, Netlink netlink) {
        this.settings = new HostSettings(runDirectory, parameters);
        this.netlink = netlink;
    }

    /**
     * Sets what is not set.
     *
     * @param families those that pods have addresses of
     * @param uplink the interface to the other nodes, if there are any
     * @return what had to be changed, in order
     */
    public List<HostSettings.Change> reconcile(Set<IpFamily> families, Optional<InterfaceName> uplink) {
        settings.keepRecord();
        List<HostSettings.Change> changes = new ArrayList<>();
        if (families.contains(IpFamily.IPV4)) {
            settings.set(IPV4, ON).ifPresent(changes::add);
            // Writing the former sets it for every link; somebody may have turned it off for this one since.
            uplink.map(name -> Sysctl.ofInterface(IpFamily.IPV4, name, "forwarding"))
                    .filter(key -> settings.read(key).isPresent())
                    .flatMap(key -> settings.set(key, ON))
                    .ifPresent(changes::add);
        }
        if (families.contains(IpFamily.IPV6)) {
            // A router takes no router advertisements unless told so (Documentation/networking/ip-sysctl.rst,
            // accept_ra), and the kernel forgets the default routes that came by them when it becomes one.
            Set<String> kept = new HashSet<>();
            Set<InterfaceName> routed = new LinkedHashSet<>();
            uplink.ifPresent(routed::add);
            RouterAdvertisements.read(netlink).links().forEach(link -> routed.add(link.name()));
            for (InterfaceName link : routed) {
                String key = Sysctl.ofInterface(IpFamily.IPV6, link, "accept_ra");
                // 0 says that somebody wants none, or takes them in himself as systemd-networkd does.
                if (settings.read(key).filter(BY_HOST::equals).isPresent()) {
                    settings.set(key, BY_ROUTER).ifPresent(changes::add);
                }
                if (settings.isChanged(key)) {
                    kept.add(key);
                }
            }
            advertised = Set.copyOf(kept);
            settings.set(IPV6, ON).ifPresent(changes::add);
        }
        return changes;
    }

    /** Whether this namespace forwards IPv4. */
    static boolean isOn(NetworkNamespace namespace) {
        return namespace.call(() -> Sysctl.read(IPV4).equals(ON));
    }

    /** Whether somebody has undone a setting of which the kernel does not notify; for any thread. */
    public boolean hasDrifted() {
        return advertised.stream()
                .anyMatch(key -> settings.read(key).filter(BY_HOST::equals).isPresent());
    }
}
