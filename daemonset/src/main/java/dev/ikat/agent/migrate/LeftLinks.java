package dev.ikat.agent.migrate;

import dev.ikat.agent.migrate.FormerNetwork.LinkName;
import dev.ikat.agent.migrate.FormerNetwork.Use;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.BpfFilter;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Finds links, and the programs that Cilium attached to links of others. */
final class LeftLinks {
    private static final InterfaceName KERNELS_TUNNEL = new InterfaceName("tunl0");

    private final Rtnetlink netlink;
    private final FormerNetwork former;
    private final List<Link> links;
    private final List<Link> pods;

    LeftLinks(Rtnetlink netlink, FormerNetwork former) {
        this.netlink = netlink;
        this.former = former;
        this.links = netlink.links();
        List<Integer> bridges = links.stream()
                .filter(link -> name(link)
                        .filter(name -> name.use() == Use.PODS && link.isKind("bridge"))
                        .isPresent())
                .map(Link::index)
                .toList();
        Predicate<Link> wired =
                link -> name(link).filter(name -> name.use() == Use.ONE_POD).isPresent()
                        || link.master().filter(bridges::contains).isPresent();
        // A veth link without the other end does not exist: the pod's namespace is there as long as this link.
        this.pods = links.stream()
                .filter(link -> link.isKind("veth") && link.peerNamespaceId().isPresent() && wired.test(link))
                .toList();
    }

    private Optional<LinkName> name(Link link) {
        return former.traces.links.stream()
                .filter(name -> link.isKind(name.kind())
                        && name.name().matcher(link.name().value()).matches())
                .findFirst();
    }

    /** Whether pods that it has wired still run. */
    boolean servesPods() {
        return !pods.isEmpty();
    }

    List<Leftover> find() {
        List<Leftover> found = new ArrayList<>();
        pods.forEach(pod -> found.add(Leftover.staying(
                "link " + pod.name() + " of a pod" + addresses(pod),
                "a pod uses it; restart the pod, so that Ikat wires it, and the link goes with it")));
        for (Link link : links) {
            if (!pods.contains(link)) {
                name(link).ifPresent(name -> found.add(leftover(link, name.use())));
            }
        }
        if (former == FormerNetwork.CALICO) {
            links.stream()
                    .filter(link -> link.name().equals(KERNELS_TUNNEL) && link.isKind("ipip"))
                    .forEach(link -> tunnel(link).ifPresent(found::add));
        }
        if (former == FormerNetwork.CILIUM) {
            links.stream().filter(link -> name(link).isEmpty()).forEach(link -> found.addAll(programs(link)));
        }
        return found;
    }

    private String addresses(Link pod) {
        String addresses = netlink
                .addressesIn(
                        pod.peerNamespaceId().orElseThrow(), pod.peerIndex().orElse(0))
                .stream()
                .map(address -> address.address().address())
                .filter(address -> !address.isLinkLocal())
                .map(Object::toString)
                .collect(Collectors.joining(", "));
        return addresses.isEmpty() ? "" : " with " + addresses;
    }

    private Leftover leftover(Link link, Use use) {
        String object = "link " + link.name() + " (" + link.kind().orElse("") + ")";
        if (use == Use.BY_HAND) {
            return Leftover.staying(object, "only the tool of " + former.title() + " can remove it: weave reset");
        }
        if (use == Use.PODS && servesPods()) {
            return Leftover.inUse(object);
        }
        return Leftover.removable(
                object, () -> netlink.execute(Requests.deleteLink(link.index()).ignoring(Errno.ENODEV)));
    }

    /** The kernel makes this link with the module, and lets nobody delete it. */
    private Optional<Leftover> tunnel(Link link) {
        List<Address> addresses = netlink.addresses(link.index());
        if (addresses.isEmpty() && !link.isUp()) {
            return Optional.empty();
        }
        List<Request> requests = new ArrayList<>();
        addresses.forEach(
                address -> requests.add(Requests.delete(address).ignoring(Errno.EADDRNOTAVAIL, Errno.ENODEV)));
        requests.add(Requests.change(LinkChange.of(link.index()).down()).ignoring(Errno.ENODEV));
        return Optional.of(Leftover.removable(
                "addresses and routes of the link tunl0, which is the kernel's own", () -> netlink.execute(requests)));
    }

    private List<Leftover> programs(Link link) {
        List<Leftover> found = new ArrayList<>();
        for (BpfFilter filter : netlink.filters(link.index(), true)) {
            if (isProgram(filter)) {
                found.add(Leftover.removable(
                        "tc filter " + filter.name() + " of what the link " + link.name() + " receives",
                        () -> netlink.execute(Requests.deleteFilter(link.index(), true, filter.preference())
                                .ignoring(Errno.ENOENT, Errno.EINVAL, Errno.ENODEV))));
            }
        }
        for (BpfFilter filter : netlink.filters(link.index(), false)) {
            if (isProgram(filter)) {
                found.add(Leftover.staying(
                        "tc filter " + filter.name() + " of what the link " + link.name() + " sends",
                        "remove it by: tc filter del dev " + link.name() + " egress pref " + filter.preference()));
            }
        }
        return found;
    }

    private static boolean isProgram(BpfFilter filter) {
        return filter.name().startsWith("cil_") || filter.name().startsWith("bpf_netdev");
    }
}
