package dev.ikat.policy.compiler;

import dev.ikat.cluster.Pod;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Who has which address. An address that is wired on this node is the endpoint's whatever objects say. Elsewhere it is
 * the pod's whose object says so; of several, that of the newest one that is not on its way out. Where that leaves more
 * than one, the address is shared: nobody knows whose it is.
 */
final class AddressBook {
    /** By address, the pods whose objects say that they have it: the first, and the few others. */
    private final Map<IpAddress, PodRecord> first = new HashMap<>();

    private final Map<IpAddress, Set<PodRecord>> others = new HashMap<>();

    /** By address, the endpoints of this node; one, but for mistakes. */
    private final Map<IpAddress, List<EndpointRecord>> wired = new HashMap<>();

    /** How many have to claim a shared address in a set before it is a member. */
    private final Map<IpAddress, Integer> shared = new HashMap<>();

    private final Map<IpAddress, AddressContest> contests = new HashMap<>();

    /** By shared address, how many pods have it: as a view. */
    Map<IpAddress, Integer> shared() {
        return shared;
    }

    /** The addresses that more than one is said to have: as a view. */
    Map<IpAddress, AddressContest> contests() {
        return Collections.unmodifiableMap(contests);
    }

    /** The pod's object says that it has these. */
    void add(PodRecord pod) {
        for (IpAddress address : pod.said()) {
            PodRecord there = first.putIfAbsent(address, pod);
            if (there != null && there != pod) {
                others.computeIfAbsent(address, _ -> new LinkedHashSet<>()).add(pod);
            }
        }
    }

    /** Takes back what {@link #add} did for the pod as it still is. */
    void remove(PodRecord pod) {
        for (IpAddress address : pod.said()) {
            Set<PodRecord> more = others.get(address);
            if (more == null) {
                first.remove(address, pod);
                continue;
            }
            if (!more.remove(pod)) {
                PodRecord next = more.iterator().next();
                more.remove(next);
                first.put(address, next);
            }
            if (more.isEmpty()) {
                others.remove(address);
            }
        }
    }

    /** The endpoint has its addresses from now on. */
    void wire(EndpointRecord record) {
        for (IpAddress address : record.endpoint.addresses()) {
            List<EndpointRecord> there = wired.getOrDefault(address, List.of());
            List<EndpointRecord> all = new ArrayList<>(there);
            all.add(record);
            wired.put(address, List.copyOf(all));
        }
    }

    void unwire(EndpointRecord record) {
        for (IpAddress address : record.endpoint.addresses()) {
            wired.computeIfPresent(address, (_, there) -> {
                List<EndpointRecord> left =
                        there.stream().filter(other -> other != record).toList();
                return left.isEmpty() ? null : left;
            });
        }
    }

    /** Visits each pod that has the address or is said to; one may be visited twice. */
    void claimants(IpAddress address, Consumer<PodRecord> visitor) {
        said(address, visitor);
        wired.getOrDefault(address, List.of()).forEach(record -> record.pod.ifPresent(visitor));
    }

    private void said(IpAddress address, Consumer<PodRecord> visitor) {
        PodRecord one = first.get(address);
        if (one != null) {
            visitor.accept(one);
            others.getOrDefault(address, Set.of()).forEach(visitor);
        }
    }

    /** The pods whose objects say that they have one of these. */
    Set<PodRecord> said(Collection<IpAddress> addresses) {
        Set<PodRecord> pods = new LinkedHashSet<>();
        addresses.forEach(address -> said(address, pods::add));
        return pods;
    }

    /** Finds out who has the address; to be called after each change that concerns it. */
    void settle(IpAddress address) {
        if (!others.containsKey(address) && !wired.containsKey(address)) {
            shared.remove(address);
            contests.remove(address);
            return;
        }
        List<EndpointRecord> holders = wired.getOrDefault(address, List.of());
        Set<String> believed;
        int owners;
        if (holders.isEmpty()) {
            Set<PodRecord> newest = newest(address);
            owners = newest.size();
            believed = newest.stream().map(PodRecord::toString).collect(Collectors.toSet());
        } else {
            believed = holders.stream().map(AddressBook::name).collect(Collectors.toSet());
            owners = believed.size();
        }
        if (owners > 1) {
            shared.put(address, owners);
        } else {
            shared.remove(address);
        }
        Set<String> claimants = new HashSet<>(believed);
        said(address, pod -> {
            if (pod.endpoints.isEmpty()) {
                claimants.add(pod.toString());
            }
        });
        if (claimants.size() > 1) {
            contests.put(address, new AddressContest(address, claimants, believed));
        } else {
            contests.remove(address);
        }
    }

    private static String name(EndpointRecord record) {
        Endpoint endpoint = record.endpoint;
        return record.pod
                .map(PodRecord::toString)
                .orElseGet(() -> "container " + endpoint.attachment().containerId());
    }

    /** Whether the pod, which claims the address, has it, perhaps among others. */
    boolean has(PodRecord pod, IpAddress address) {
        List<EndpointRecord> holders = wired.get(address);
        if (holders != null) {
            return holders.stream().anyMatch(record -> record.pod.equals(Optional.of(pod)));
        }
        return !others.containsKey(address) || newest(address).contains(pod);
    }

    /** Of the pods that only their objects say to have the address, those that have the best right to it. */
    private Set<PodRecord> newest(IpAddress address) {
        List<PodRecord> all = new ArrayList<>();
        said(address, pod -> {
            if (pod.endpoints.isEmpty()) {
                all.add(pod);
            }
        });
        List<PodRecord> alive =
                all.stream().filter(pod -> isAlive(pod.pod.orElseThrow())).toList();
        List<PodRecord> best = alive.isEmpty() ? all : alive;
        long newest = 0;
        for (PodRecord pod : best) {
            long created = pod.pod.orElseThrow().created();
            if (created == 0) {
                // Nobody can say which is the newest.
                return new LinkedHashSet<>(best);
            }
            newest = Math.max(newest, created);
        }
        long last = newest;
        return best.stream()
                .filter(pod -> pod.pod.orElseThrow().created() == last)
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private static boolean isAlive(Pod pod) {
        return !pod.deleting() && pod.phase() != Pod.Phase.UNKNOWN;
    }
}
