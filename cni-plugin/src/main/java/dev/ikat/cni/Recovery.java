package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.Rtnetlink;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongPredicate;

/**
 * Makes links, leases and the host's routes consistent after a process died, or after another program removed
 * something.
 *
 * <p>The leases are the desired state, but a link proves that its lease existed: one that is missing is rebuilt. A link
 * is deleted only if it is certain that its container no longer exists: after an interrupted DEL or GC, or an ADD that
 * was never completed.
 */
public final class Recovery {
    /** No ADD takes longer: a pending lease this old is nobody's, even if its process seems to live. */
    private static final Duration LONGEST_ADD = Duration.ofSeconds(60);
    /** A release this old was handed to a reaper that did not finish it. */
    private static final Duration LONGEST_RELEASE = Duration.ofSeconds(5);

    private final LeaseStore leases;
    private final NodeNetwork node;
    private final Reaper reaper;
    private final LeaseRebuilder rebuilder;
    private final StoreMark mark;
    private final Clock clock;
    private final Duration grace;
    private final LongPredicate isAlive;
    private final Instant started;
    private final long ownPid = ProcessHandle.current().pid();
    private final Map<Lease, Instant> missingSince = new HashMap<>();

    /**
     * @param leases the lease store
     * @param node the namespace of the links
     * @param reaper ends attachments
     * @param clock the lease store's
     * @param grace how long a lease without link is kept, because its DEL may still arrive
     * @param isAlive whether the process with this number exists
     */
    public Recovery(
            LeaseStore leases, NodeNetwork node, Reaper reaper, Clock clock, Duration grace, LongPredicate isAlive) {
        this.leases = leases;
        this.node = node;
        this.reaper = reaper;
        this.rebuilder = new LeaseRebuilder(leases, node);
        this.mark = StoreMark.of(leases.directory());
        this.clock = clock;
        this.grace = grace;
        this.isAlive = isAlive;
        this.started = clock.instant();
    }

    /**
     * One pass. Attachments that this process is working on are not touched.
     *
     * @throws ForeignStoreException if pods have leases in another store; then nothing was done
     */
    public synchronized RecoveryReport run() {
        Map<String, Link> hostEnds = hostEnds(node.with(Rtnetlink::links));
        mark.requireNoOther(hostEnds.values());
        // After the links, since a lease is there before its link and until after it.
        List<Lease> known = leases.leases();
        LeaseRebuilder.Outcome outcome = rebuilder.run(hostEnds.values(), known);
        List<Lease> rebuilt = new ArrayList<>(outcome.rebuilt());
        if (!rebuilt.isEmpty()) {
            known = leases.leases();
        }
        Instant now = clock.instant();

        int undone = 0;
        int released = 0;
        int leaks = 0;
        List<Wired> wired = new ArrayList<>();
        Map<Lease, Instant> stillMissing = new HashMap<>();
        for (Lease lease : known) {
            switch (lease.state()) {
                case PENDING -> {
                    if (isAbandoned(lease, now)) {
                        Optional<Link> finished = hostEnd(lease, hostEnds).filter(StoreMark::isMarked);
                        if (finished.isPresent()) {
                            // It was active, and the file has lost that.
                            Lease active = leases.activate(lease.attachment());
                            rebuilt.add(active);
                            wired.add(new Wired(active, finished.get()));
                        } else {
                            undone += end(lease);
                        }
                    }
                }
                case RELEASING -> {
                    if (isForeign(lease) || isOlderThan(lease, LONGEST_RELEASE, now)) {
                        reaper.reap(lease);
                        released++;
                    }
                }
                case ACTIVE -> {
                    Optional<Link> hostEnd = hostEnd(lease, hostEnds);
                    if (hostEnd.isPresent()) {
                        wired.add(new Wired(lease, hostEnd.get()));
                    } else if (isMissingForLong(lease, now, stillMissing)) {
                        leaks += end(lease);
                    }
                }
            }
        }
        missingSince.clear();
        missingSince.putAll(stillMissing);
        List<String> readdressed = wired.stream()
                .map(Wired::hostEnd)
                .filter(hostEnd -> !PodLink.isAddressed(hostEnd))
                .map(hostEnd -> "link " + hostEnd.name() + " had the link-layer address "
                        + hostEnd.mac().map(Object::toString).orElse("none") + " instead of " + PodLink.HOST_MAC)
                .toList();
        int repaired = repair(wired, hostEnds);
        return new RecoveryReport(undone, released, rebuilt, leaks, repaired, readdressed, outcome.unexplained());
    }

    private record Wired(Lease lease, Link hostEnd) {}

    private static Map<String, Link> hostEnds(List<Link> links) {
        Map<String, Link> hostEnds = new HashMap<>();
        links.stream()
                .filter(PodLink::isHostEnd)
                .forEach(link -> hostEnds.put(link.alias().orElseThrow(), link));
        return hostEnds;
    }

    private static Optional<Link> hostEnd(Lease lease, Map<String, Link> hostEnds) {
        PodLink link = PodLink.of(lease.attachment());
        return Optional.ofNullable(hostEnds.get(link.alias())).filter(link::isHostEndOfThis);
    }

    private boolean isAbandoned(Lease lease, Instant now) {
        // In a container, an agent has the number of the one before it.
        boolean ownersDead = isForeign(lease)
                ? !isAlive.test(lease.ownerPid())
                : lease.since().isBefore(started);
        return ownersDead || isOlderThan(lease, LONGEST_ADD, now);
    }

    private boolean isForeign(Lease lease) {
        return lease.ownerPid() != ownPid;
    }

    private static boolean isOlderThan(Lease lease, Duration age, Instant now) {
        return lease.since().plus(age).isBefore(now);
    }

    private int end(Lease lease) {
        Optional<Lease> current = leases.find(lease.attachment()).filter(lease::equals);
        current.flatMap(same -> leases.beginRelease(same.attachment())).ifPresent(reaper::reap);
        return current.isPresent() ? 1 : 0;
    }

    private boolean isMissingForLong(Lease lease, Instant now, Map<Lease, Instant> stillMissing) {
        // The lease may have become active since the links were read.
        if (node.isWired(lease)) {
            return false;
        }
        Instant since = missingSince.getOrDefault(lease, now);
        if (since.plus(grace).isAfter(now)) {
            stillMissing.put(lease, since);
            return false;
        }
        return true;
    }

    private int repair(List<Wired> wired, Map<String, Link> hostEnds) {
        return node.with(host -> {
            Map<IpFamily, List<Route>> routes = new EnumMap<>(IpFamily.class);
            for (IpFamily family : IpFamily.values()) {
                routes.put(family, ownRoutes(host, family, hostEnds));
            }
            Set<Route> wanted = new HashSet<>();
            boolean forwards = !wired.isEmpty() && Forwarding.isOn(node.namespace());
            int repaired = 0;
            for (Wired pod : wired) {
                repaired += repairOne(host, pod, forwards, routes, wanted);
            }
            return repaired + deleteSurplus(host, wired, routes, wanted);
        });
    }

    /** The routes of Ikat's that leave by host ends. */
    private static List<Route> ownRoutes(Rtnetlink host, IpFamily family, Map<String, Link> hostEnds) {
        Set<Integer> indexes = new HashSet<>();
        hostEnds.values().forEach(link -> indexes.add(link.index()));
        RouteFilter filter = RouteFilter.ALL.table(Route.TABLE_MAIN).protocol(RouteProtocol.IKAT);
        return host.routes(family, filter).stream()
                .filter(route ->
                        route.interfaceIndex().filter(indexes::contains).isPresent())
                .toList();
    }

    private int repairOne(
            Rtnetlink host, Wired pod, boolean forwards, Map<IpFamily, List<Route>> routes, Set<Route> wanted) {
        int index = pod.hostEnd().index();
        PodLink link = PodLink.of(pod.lease().attachment());
        List<Request> requests = new ArrayList<>();
        if (!pod.hostEnd().isUp()) {
            requests.add(Requests.change(LinkChange.of(index).up()));
        }
        if (!mark.isOn(pod.hostEnd())) {
            requests.add(PodWiring.marking(mark, link, index));
        }
        boolean addressed = PodLink.isAddressed(pod.hostEnd());
        if (!addressed) {
            // The pod sends to the address that its gateway's neighbour entry has. The kernel forgets the link's
            // neighbours for a new address.
            requests.add(
                    Requests.change(LinkChange.of(index).mac(PodLink.HOST_MAC)).ignoring(Errno.ENODEV));
        }
        boolean guarded = LinkGuard.holds(pod.hostEnd(), forwards);
        if (!guarded) {
            // Made by a version that did not guard it, or opened by somebody. The kernel forgets its neighbours for
            // that.
            requests.add(Requests.change(LinkGuard.later(index, forwards)).ignoring(Errno.ENODEV));
            LinkGuard.refuseIpv6Again(node.namespace(), pod.hostEnd().name());
        }
        for (IpAddress address : pod.lease().addresses()) {
            Neighbour neighbour = PodWiring.podNeighbour(address, link, index);
            if (!addressed
                    || !guarded
                    || !host.neighbours(address.family(), index).contains(neighbour)) {
                requests.add(Requests.replace(neighbour).ignoring(Errno.ENODEV));
            }
            Route route = PodWiring.podRoute(address, index);
            wanted.add(route);
            if (!routes.getOrDefault(address.family(), List.of()).contains(route)) {
                requests.add(Requests.replace(route).ignoring(Errno.ENODEV, Errno.ENETDOWN));
            }
        }
        if (requests.isEmpty() || !isStill(pod.lease())) {
            return 0;
        }
        Ipv6Switch.execute(host, requests, node.namespace(), pod.hostEnd().name());
        if (!isStill(pod.lease())) {
            // A DEL came in between and took the routes away; what was just put back must not outlive it.
            host.execute(pod.lease().addresses().stream()
                    .map(address ->
                            Requests.delete(PodWiring.podRoute(address, index)).ignoring(Errno.ESRCH, Errno.ENODEV))
                    .toList());
        }
        return requests.size();
    }

    private boolean isStill(Lease lease) {
        return leases.find(lease.attachment()).equals(Optional.of(lease));
    }

    /** Routes on the links of live pods that lead to addresses they don't have. */
    private static int deleteSurplus(
            Rtnetlink host, List<Wired> wired, Map<IpFamily, List<Route>> routes, Set<Route> wanted) {
        Set<Integer> indexes = new HashSet<>();
        wired.forEach(pod -> indexes.add(pod.hostEnd().index()));
        List<Request> requests = routes.values().stream()
                .flatMap(List::stream)
                .filter(route -> indexes.contains(route.interfaceIndex().orElse(0)) && !wanted.contains(route))
                .map(route -> Requests.delete(route).ignoring(Errno.ESRCH, Errno.ENODEV))
                .toList();
        if (!requests.isEmpty()) {
            host.execute(requests);
        }
        return requests.size();
    }
}
