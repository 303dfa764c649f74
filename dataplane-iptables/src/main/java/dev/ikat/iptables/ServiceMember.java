package dev.ikat.iptables;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.SortedSet;

/**
 * A member of one of services' sets.
 *
 * @param set the set
 * @param family of which family
 * @param entry the member, as ipset writes it
 */
record ServiceMember(ServiceSet set, IpFamily family, String entry) {
    /** A frontend in one of the sets of frontends. */
    static ServiceMember frontend(ServiceSet set, Frontend frontend) {
        return new ServiceMember(set, frontend.address().family(), socket(frontend));
    }

    private static String socket(Frontend frontend) {
        return socket(frontend.address(), frontend.protocol(), frontend.port());
    }

    private static String socket(IpAddress address, Protocol protocol, int port) {
        return address + "," + protocol.name().toLowerCase(Locale.ROOT) + ":" + port;
    }

    /** The address of a frontend within the cluster. */
    static ServiceMember address(Frontend frontend) {
        IpAddress address = frontend.address();
        return new ServiceMember(ServiceSet.ADDRESSES, address.family(), address.toString());
    }

    /** What a backend on this node sends to itself. */
    static ServiceMember hairpin(Protocol protocol, Backend backend) {
        IpAddress address = backend.address();
        return new ServiceMember(
                ServiceSet.HAIRPIN, address.family(), socket(address, protocol, backend.port()) + "," + address);
    }

    /** Those sources from which a frontend accepts connections. */
    static List<ServiceMember> sources(Frontend frontend, List<Cidr> sources) {
        IpFamily family = frontend.address().family();
        return prefixes(sources, family).stream()
                .map(prefix ->
                        new ServiceMember(ServiceSet.SOURCES, family, socket(frontend) + "," + Sets.network(prefix)))
                .toList();
    }

    /** These blocks of one family in one of the sets of blocks. */
    static List<ServiceMember> blocks(ServiceSet set, Collection<Cidr> blocks, IpFamily family) {
        return prefixes(blocks, family).stream()
                .map(prefix -> new ServiceMember(set, family, Sets.network(prefix)))
                .toList();
    }

    private static SortedSet<Cidr> prefixes(Collection<Cidr> blocks, IpFamily family) {
        return Prefixes.of(
                blocks.stream().map(block -> new IpBlock(block, List.of())).toList(), family);
    }
}
