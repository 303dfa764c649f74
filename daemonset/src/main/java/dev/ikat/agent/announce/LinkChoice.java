package dev.ikat.agent.announce;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.OperState;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The links on which addresses are announced: those that the operator names, or else the uplink. Only Ethernet has ARP.
 *
 * @param links the links
 * @param faults which links can't be used, and why, a sentence each
 */
record LinkChoice(List<AnnounceLink> links, List<String> faults) {
    /** Whoever asks on one of these links is answered by the link above it, which has the packets. */
    private static final Set<String> WITH_PORTS = Set.of("bridge", "bond", "team", "openvswitch");

    private static final Set<OperState> CARRYING = EnumSet.of(OperState.UP, OperState.UNKNOWN);

    LinkChoice {
        links = List.copyOf(links);
        faults = List.copyOf(faults);
    }

    /**
     * @param names names of links, an asterisk at the end for all that begin so; none for the uplink
     * @param uplink the uplink's name; empty if it is not known
     * @param all the host's links
     * @param addresses their addresses
     */
    static LinkChoice of(List<String> names, Optional<InterfaceName> uplink, List<Link> all, List<Address> addresses) {
        List<AnnounceLink> links = new ArrayList<>();
        List<String> faults = new ArrayList<>();
        List<String> wanted =
                names.isEmpty() ? uplink.map(name -> List.of(name.value())).orElse(List.of()) : names;
        if (wanted.isEmpty()) {
            faults.add("the interface to the other nodes is not known yet");
        }
        for (String name : wanted) {
            boolean pattern = name.endsWith("*");
            List<Link> found = all.stream()
                    .filter(link -> matches(name, link.name().value()))
                    .toList();
            if (found.isEmpty() && !pattern) {
                faults.add("there is no interface " + name);
            }
            for (Link link : found) {
                Optional<String> obstacle = obstacle(link, all);
                if (links.stream().anyMatch(one -> one.index() == link.index())) {
                    // Two names mean this one.
                    continue;
                }
                if (obstacle.isEmpty()) {
                    links.add(link(link, addresses));
                } else if (!pattern) {
                    faults.add("addresses can't be announced on " + name + ": " + obstacle.get());
                }
            }
        }
        return new LinkChoice(links, faults);
    }

    private static boolean matches(String wanted, String name) {
        return wanted.endsWith("*") ? name.startsWith(wanted.substring(0, wanted.length() - 1)) : wanted.equals(name);
    }

    private static Optional<String> obstacle(Link link, List<Link> all) {
        if (link.isLoopback()
                || link.isPointToPoint()
                || link.isNoArp()
                || link.mac().isEmpty()) {
            return Optional.of("it has no ARP");
        }
        return link.master()
                .flatMap(index ->
                        all.stream().filter(one -> one.index() == index).findFirst())
                .filter(master -> master.kind().filter(WITH_PORTS::contains).isPresent())
                .map(master -> "it is a port of " + master.name() + "; name that instead");
    }

    private static AnnounceLink link(Link link, List<Address> addresses) {
        Set<Cidr> networks = addresses.stream()
                .filter(address -> address.interfaceIndex() == link.index())
                .map(address -> address.address().cidr())
                .collect(Collectors.toSet());
        return new AnnounceLink(
                link.index(),
                link.name(),
                link.mac().orElseThrow(),
                link.isUp() && CARRYING.contains(link.operState()),
                networks);
    }
}
