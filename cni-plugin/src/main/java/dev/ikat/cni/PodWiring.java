package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.AddrGenMode;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.OperState;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.netlink.route.VethSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * Wires a pod to its node: a veth pair, addresses without a subnet, and permanent neighbours and routes at both ends.
 * Every method can be repeated, and finishes what an interrupted one began.
 */
final class PodWiring {
    /** Added to the metric of the default route of a pod's second and further interface, with the interface's index. */
    private static final int SECONDARY_METRIC = 1000;

    private static final InterfaceName LOOPBACK = new InterfaceName("lo");

    /** The kernel's link watch puts nothing off for more than a second. */
    private static final Duration SENDING_LIMIT = Duration.ofSeconds(5);

    private static final Duration SENDING_GLANCE = Duration.ofMillis(1);

    private final NodeNetwork node;

    PodWiring(NodeNetwork node) {
        this.node = node;
    }

    /**
     * The two ends of a pair that was just made.
     *
     * @param host the index of the host's end, on the host
     * @param pod the index of the other, in the pod
     */
    record Ends(int host, int pod) {}

    /**
     * Makes the pair, its other end in the pod's namespace from the start.
     *
     * @param mtu of both ends, in bytes
     * @param gsoMaxSize see {@link PodNetwork#gsoMaxSize}
     * @throws CniException {@link CniError#INTERFACE_TAKEN} if the pod has an interface of this name
     */
    Ends createLink(PodLink link, NetworkNamespace pod, Rtnetlink inPod, int mtu, Optional<Integer> gsoMaxSize) {
        InterfaceName podName = link.attachment().interfaceName();
        VethSpec usual = VethSpec.of(link.hostName(), podName)
                .peerNamespace(pod)
                .mac(PodLink.HOST_MAC)
                .peerMac(link.podMac())
                .mtu(mtu);
        VethSpec pair = gsoMaxSize.map(usual::gsoMaxSize).orElse(usual);
        return node.with(host -> {
            Optional<Link> leftOver = host.link(link.hostName());
            if (leftOver.isPresent()) {
                requireOurs(link, leftOver.get());
                host.execute(Requests.deleteLink(leftOver.get().index()).ignoring(Errno.ENODEV));
            }
            try {
                host.execute(
                        Requests.create(pair),
                        // In the same send as the creation: a link of ours without its alias is never to be seen.
                        Requests.change(LinkGuard.atBirth(link.hostName()).alias(link.alias())),
                        // A host without IPv6 has no such mode.
                        Requests.change(LinkChange.of(link.hostName()).inet6AddrGenMode(AddrGenMode.NONE))
                                .ignoring(Errno.EAFNOSUPPORT, Errno.EOPNOTSUPP));
            } catch (NetlinkException e) {
                if (e.requestIndex().orElse(0) > 0) {
                    // It was made and is not marked: nobody would ever find it again.
                    host.execute(Requests.deleteLink(link.hostName()).ignoring(Errno.ENODEV));
                } else if (e.errno() == Errno.EEXIST) {
                    requireFree(podName, pod, inPod);
                }
                throw e;
            }
            LinkGuard.refuseIpv6(node.namespace(), link.hostName());
            // One look at this end tells the other's index too.
            Link made = requireLink(host, link.hostName(), "on the host");
            int podIndex = made.peerIndex()
                    .orElseGet(() ->
                            requireLink(inPod, podName, "in the container").index());
            return new Ends(made.index(), podIndex);
        });
    }

    private static void requireOurs(PodLink link, Link found) {
        if (!link.isHostEndOfThis(found)) {
            throw new CniException(
                    CniError.INTERFACE_TAKEN,
                    "the host has an interface " + link.hostName() + " that Ikat did not create for "
                            + link.attachment(),
                    "rename or remove it: 'ip link show " + link.hostName() + "'");
        }
    }

    private static void requireFree(InterfaceName podName, NetworkNamespace pod, Rtnetlink inPod) {
        if (inPod.link(podName).isPresent()) {
            throw new CniException(
                    CniError.INTERFACE_TAKEN,
                    "the container already has an interface " + podName,
                    "it is in " + pod + "; name another one by CNI_IFNAME, or remove it");
        }
    }

    /**
     * Addresses, neighbours and routes inside the pod. Where another interface has the default route already, this
     * one's gets a worse metric: the first network stays the pod's way out, and the others are there beside it.
     *
     * @param index of its interface
     */
    void configurePod(Lease lease, int index, NetworkNamespace pod, Rtnetlink inPod) {
        try {
            inPod.execute(podRequests(lease, index, Requests::add));
        } catch (NetlinkException e) {
            // Some runtimes switch IPv6 off in every namespace; who gives a pod an IPv6 address wants it on.
            boolean ipv6WasOff = hasIpv6(lease)
                    && Ipv6Switch.turnOn(e, pod, lease.attachment().interfaceName());
            if (ipv6WasOff) {
                // By this link a pod reaches its own addresses.
                Ipv6Switch.turnOn(pod, LOOPBACK);
            } else if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            int worse = hasOtherDefaultRoute(inPod, index) ? SECONDARY_METRIC + index : 0;
            // The first attempt may have made a part of it.
            inPod.execute(podRequests(lease, index, route -> Requests.replace(route.metric(route.metric() + worse))));
        }
    }

    private static List<Request> podRequests(Lease lease, int index, Function<Route, Request> makeRoute) {
        List<Request> requests = new ArrayList<>();
        requests.add(Requests.change(LinkChange.of(index).up()));
        for (IpAddress address : lease.addresses()) {
            IpFamily family = address.family();
            requests.add(Requests.replace(
                    Address.of(index, InterfaceAddress.host(address)).flags(noDad(family))));
            requests.add(Requests.replace(gatewayNeighbour(family, index)));
            requests.add(makeRoute.apply(defaultRoute(family, index)));
        }
        return requests;
    }

    private static boolean hasOtherDefaultRoute(Rtnetlink inPod, int index) {
        for (IpFamily family : IpFamily.values()) {
            for (Route route : inPod.routes(family, RouteFilter.ALL.table(Route.TABLE_MAIN))) {
                if (route.destination().prefixLength() == 0
                        && route.interfaceIndex()
                                .filter(other -> other == index)
                                .isEmpty()) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean hasIpv6(Lease lease) {
        return lease.addresses().stream().anyMatch(address -> address.family() == IpFamily.IPV6);
    }

    private static Link requireLink(Rtnetlink socket, InterfaceName name, String where) {
        return socket.link(name).orElseThrow(() -> gone(name + " " + where));
    }

    private static CniException gone(String which) {
        return new CniException(
                CniError.KERNEL,
                "the interface " + which + " no longer exists",
                "it was removed, or the container ended, while it was being wired");
    }

    /** IPv6 would try an address for a second before using it; on a link of two there is nobody to conflict with. */
    private static int noDad(IpFamily family) {
        return switch (family) {
            case IPV4 -> 0;
            case IPV6 -> Address.NODAD;
        };
    }

    private static Neighbour gatewayNeighbour(IpFamily family, int index) {
        return Neighbour.permanent(index, PodLink.gateway(family), PodLink.HOST_MAC);
    }

    private static Route defaultRoute(IpFamily family, int index) {
        Route route = Route.to(Cidr.all(family)).link(index);
        return switch (family) {
            // No subnet covers the gateway: the route itself must say that it is on the link.
            case IPV4 -> route.viaOnlink(PodLink.gateway(family));
            case IPV6 -> route.via(PodLink.gateway(family));
        };
    }

    /**
     * The host's end up, and routes and neighbours to the pod.
     *
     * @param index of the host's end
     */
    void configureHost(Lease lease, int index) {
        PodLink link = PodLink.of(lease.attachment());
        node.with(host -> {
            List<Request> requests = new ArrayList<>();
            requests.add(Requests.change(LinkChange.of(index).up()));
            for (IpAddress address : lease.addresses()) {
                requests.add(Requests.replace(podNeighbour(address, link, index)));
                requests.add(Requests.replace(podRoute(address, index)));
            }
            Ipv6Switch.execute(host, requests, node.namespace(), link.hostName());
            return true;
        });
    }

    /**
     * Returns once the pod's end sends. It came up before the host's, so the kernel lets it begin later, by its link
     * watch, and drops what it is given until then (net/core/link_watch.c). Being asked for the link, Linux 6.8 and
     * later see to it at once.
     *
     * @param index of the pod's end
     */
    static void awaitSending(int index, Rtnetlink inPod) {
        long deadline = System.nanoTime() + SENDING_LIMIT.toNanos();
        while (inPod.link(index).orElseThrow(() -> gone("in the container")).operState() != OperState.UP) {
            if (System.nanoTime() - deadline > 0) {
                throw new CniException(
                        CniError.KERNEL,
                        "the interface in the container does not come up",
                        "'ip link' in the container and on the host says which end is down");
            }
            LockSupport.parkNanos(SENDING_GLANCE.toNanos());
        }
    }

    static Neighbour podNeighbour(IpAddress address, PodLink link, int index) {
        return Neighbour.permanent(index, address, link.podMac());
    }

    static Route podRoute(IpAddress address, int index) {
        return Route.to(Cidr.host(address)).link(index);
    }

    /** Marks the host's end as finished, and as one of this store. */
    void mark(StoreMark mark, PodLink link, int index) {
        node.with(host -> {
            host.execute(marking(mark, link, index));
            return true;
        });
    }

    /** A kernel before 5.5 has no such names; its pods do without the mark. */
    static Request marking(StoreMark mark, PodLink link, int index) {
        return Requests.addAlternativeName(index, mark.nameFor(link.hostName()))
                .ignoring(Errno.EEXIST, Errno.EOPNOTSUPP, Errno.ENODEV);
    }

    /** The host end of another pod that the kernel sends packets for one of the lease's addresses to. */
    Optional<Link> otherHolder(Lease lease) {
        PodLink own = PodLink.of(lease.attachment());
        return node.with(host -> {
            for (IpAddress address : lease.addresses()) {
                Optional<Link> holder = host.routeTo(address)
                        .filter(route -> route.destination().equals(Cidr.host(address)))
                        .flatMap(Route::interfaceIndex)
                        .flatMap(host::link)
                        .filter(link -> PodLink.isHostEnd(link) && !link.name().equals(own.hostName()));
                if (holder.isPresent()) {
                    return holder;
                }
            }
            return Optional.empty();
        });
    }

    /** Deletes the host's routes to the pod, so that nothing reaches it any more. */
    void unroute(Lease lease) {
        PodLink link = PodLink.of(lease.attachment());
        node.with(host -> {
            Optional<Link> found = host.link(link.hostName()).filter(link::isHostEndOfThis);
            if (found.isPresent()) {
                host.execute(lease.addresses().stream()
                        .map(address -> Requests.delete(
                                        podRoute(address, found.get().index()))
                                .ignoring(Errno.ESRCH, Errno.ENODEV, Errno.ENOENT))
                        .toList());
            }
            return true;
        });
    }

    /** Deletes the pair at once; nothing is left to do where it is gone, and one that is not Ikat's stays. */
    void deleteLink(PodLink link) {
        node.with(host -> {
            Optional<Link> found = host.link(link.hostName()).filter(link::isHostEndOfThis);
            if (found.isPresent()) {
                host.execute(Requests.deleteLink(found.get().index()).ignoring(Errno.ENODEV));
            }
            return true;
        });
    }

    /** What differs from how {@link #configurePod} and {@link #configureHost} leave it; empty if nothing does. */
    List<String> differences(Lease lease, Rtnetlink inPod) {
        List<String> differences = new ArrayList<>();
        PodLink link = PodLink.of(lease.attachment());
        Optional<Link> podEnd = inPod.link(lease.attachment().interfaceName());
        Optional<Link> hostEnd = node.with(host -> host.link(link.hostName()));
        if (podEnd.isEmpty()) {
            differences.add(
                    "the container has no interface " + lease.attachment().interfaceName());
        } else {
            podDifferences(lease, link, podEnd.get(), inPod, differences);
        }
        if (hostEnd.filter(link::isHostEndOfThis).isEmpty()) {
            differences.add("the host has no interface " + link.hostName() + " of this container");
        } else {
            hostDifferences(lease, link, hostEnd.get(), differences);
        }
        if (podEnd.isPresent()
                && hostEnd.isPresent()
                && !podEnd.get().peerIndex().equals(Optional.of(hostEnd.get().index()))) {
            differences.add(lease.attachment().interfaceName() + " in the container and " + link.hostName()
                    + " on the host are not the ends of one veth pair");
        }
        return differences;
    }

    private static void podDifferences(
            Lease lease, PodLink link, Link podEnd, Rtnetlink inPod, List<String> differences) {
        String name = podEnd.name() + " in the container";
        if (!podEnd.isUp()) {
            differences.add(name + " is down");
        }
        if (!podEnd.mac().equals(Optional.of(link.podMac()))) {
            differences.add(name + " has the link-layer address "
                    + podEnd.mac().map(Object::toString).orElse("none") + ", not " + link.podMac());
        }
        List<InterfaceAddress> addresses =
                inPod.addresses(podEnd.index()).stream().map(Address::address).toList();
        for (IpAddress address : lease.addresses()) {
            IpFamily family = address.family();
            if (!addresses.contains(InterfaceAddress.host(address))) {
                differences.add(name + " does not have the address " + InterfaceAddress.host(address));
            }
            Route wanted = defaultRoute(family, podEnd.index());
            if (inPod.routes(family, podEnd.index()).stream()
                    .noneMatch(route -> route.metric(wanted.metric()).equals(wanted))) {
                differences.add(name + " does not have the default route via " + PodLink.gateway(family));
            }
            if (!inPod.neighbours(family, podEnd.index()).contains(gatewayNeighbour(family, podEnd.index()))) {
                differences.add(name + " does not have the permanent neighbour entry " + PodLink.gateway(family));
            }
        }
    }

    private void hostDifferences(Lease lease, PodLink link, Link hostEnd, List<String> differences) {
        String name = hostEnd.name() + " on the host";
        if (!hostEnd.isUp()) {
            differences.add(name + " is down");
        }
        if (!PodLink.isAddressed(hostEnd)) {
            differences.add(name + " has the link-layer address "
                    + hostEnd.mac().map(Object::toString).orElse("none") + ", not " + PodLink.HOST_MAC);
        }
        node.with(host -> {
            for (IpAddress address : lease.addresses()) {
                IpFamily family = address.family();
                if (!host.routes(family, hostEnd.index()).contains(podRoute(address, hostEnd.index()))) {
                    differences.add(name + " does not have the route to " + address);
                }
                if (!host.neighbours(family, hostEnd.index()).contains(podNeighbour(address, link, hostEnd.index()))) {
                    differences.add(name + " does not have the permanent neighbour entry " + address);
                }
            }
            return true;
        });
    }
}
