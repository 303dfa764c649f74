package dev.ikat.cni;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Optional;

/**
 * What ADD returns, and what CHECK receives as prevResult (section 5 "Success"), independent of the version.
 *
 * @param interfaces the interfaces that were created, inside and outside the container
 * @param ips the assigned addresses
 * @param routes the routes that were created in the container
 * @param dns the resolver settings of the network configuration, passed on
 */
public record CniResult(List<Interface> interfaces, List<Ip> ips, List<RouteEntry> routes, Dns dns) {
    public CniResult {
        interfaces = List.copyOf(interfaces);
        ips = List.copyOf(ips);
        routes = List.copyOf(routes);
    }

    /** Whether it says that the container has an interface, or an address. */
    boolean hasInterface() {
        return !interfaces.isEmpty() || !ips.isEmpty();
    }

    /**
     * An interface.
     *
     * @param name its name
     * @param mac its link-layer address, empty if the result doesn't have it
     * @param mtu in bytes
     * @param sandbox the path of its network namespace, empty for one of the host
     */
    public record Interface(String name, Optional<String> mac, Optional<Integer> mtu, Optional<String> sandbox) {}

    /**
     * An address.
     *
     * @param address with the prefix length of its subnet
     * @param gateway the default gateway of the subnet
     * @param interfaceIndex the index of its interface in {@link CniResult#interfaces}
     */
    public record Ip(InterfaceAddress address, Optional<IpAddress> gateway, Optional<Integer> interfaceIndex) {}

    /**
     * A route.
     *
     * @param destination the addresses that it leads to
     * @param gateway the next hop
     */
    public record RouteEntry(Cidr destination, Optional<IpAddress> gateway) {}

    /**
     * Resolver settings.
     *
     * @param nameservers addresses, by priority
     * @param domain the local domain for short host names
     * @param search search domains, by priority
     * @param options options of the resolver
     */
    public record Dns(List<String> nameservers, Optional<String> domain, List<String> search, List<String> options) {
        /** No settings. */
        public static final Dns NONE = new Dns(List.of(), Optional.empty(), List.of(), List.of());

        public Dns {
            nameservers = List.copyOf(nameservers);
            search = List.copyOf(search);
            options = List.copyOf(options);
        }
    }
}
