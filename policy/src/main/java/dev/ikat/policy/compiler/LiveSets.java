package dev.ikat.policy.compiler;

import dev.ikat.cluster.Namespace;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.SetId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The sets that rules of this node refer to, with the members that they should have: every namespace and pod record of
 * the cluster goes through here when it changes. A set is there as long as a rule block in use refers to it.
 */
final class LiveSets {
    private final Collection<NamespaceRecord> namespaces;
    private final Map<SetMeaning, LiveSet> byMeaning = new HashMap<>();
    private final Map<SetId, LiveSet> byId = new HashMap<>();
    private final Map<Reach, LiveReach> reaches = new HashMap<>();
    private final AddressBook addresses = new AddressBook();
    private Set<LiveSet> touched = new HashSet<>();

    /** @param namespaces a view of all there are */
    LiveSets(Collection<NamespaceRecord> namespaces) {
        this.namespaces = namespaces;
    }

    /** A namespace record appears, still without pods. */
    void appears(NamespaceRecord namespace) {
        for (LiveReach reach : reaches.values()) {
            if (reach.includes(namespace)) {
                reach.link(namespace);
            }
        }
    }

    /** A namespace record goes, which has no pods any more. */
    void disappears(NamespaceRecord namespace) {
        List.copyOf(namespace.reaches).forEach(reach -> reach.unlink(namespace));
    }

    /** A namespace has another object, other labels, or no object any more. */
    void become(NamespaceRecord namespace, Optional<Namespace> object) {
        namespace.object = object;
        for (LiveReach reach : reaches.values()) {
            boolean was = namespace.reaches.contains(reach);
            if (reach.includes(namespace) && !was) {
                reach.link(namespace);
                namespace.pods.values().forEach(pod -> reach.claim(pod, touched));
            } else if (was && !reach.includes(namespace)) {
                namespace.pods.values().forEach(pod -> reach.unclaim(pod, touched));
                reach.unlink(namespace);
            }
        }
    }

    /** Who has which address. */
    AddressBook addresses() {
        return addresses;
    }

    /**
     * Changes a pod record, which is in its namespace's before and after, and with it what sets have of it, and of
     * others with an address of it.
     */
    void change(PodRecord pod, Runnable change) {
        change(Optional.of(pod), List.of(), change);
    }

    /**
     * Changes who has addresses.
     *
     * @param pod the pod whose record changes, if one does
     * @param wired the addresses of the endpoint that changes, if one does
     */
    void change(Optional<PodRecord> pod, List<IpAddress> wired, Runnable change) {
        // Lists, as there are few of each.
        List<IpAddress> concerned = new ArrayList<>(wired);
        List<PodRecord> claimants = new ArrayList<>(1);
        if (pod.isPresent()) {
            claimants.add(pod.get());
            withdraw(pod.get());
            pod.get().said().forEach(address -> addNew(address, concerned));
        }
        concerned.forEach(address -> withdrawAll(address, claimants));
        if (pod.isPresent()) {
            unindex(pod.get());
        }
        change.run();
        if (pod.isPresent()) {
            index(pod.get());
            for (IpAddress address : pod.get().said()) {
                if (addNew(address, concerned)) {
                    withdrawAll(address, claimants);
                }
            }
        }
        concerned.forEach(addresses::settle);
        for (PodRecord claimant : claimants) {
            claimant.settle(addresses);
            if (claimant.hasAddresses()) {
                claimant.namespace.reaches.forEach(reach -> reach.claim(claimant, touched));
            }
        }
    }

    private static <T> boolean addNew(T element, List<T> list) {
        return !list.contains(element) && list.add(element);
    }

    private void unindex(PodRecord pod) {
        pod.pod.ifPresent(known -> pod.namespace.labelled.remove(known.labels(), pod));
        addresses.remove(pod);
    }

    private void index(PodRecord pod) {
        pod.pod.ifPresent(known -> pod.namespace.labelled.add(known.labels(), pod));
        addresses.add(pod);
    }

    /** Withdraws what is claimed by those that the address may be of, who are not among the claimants yet. */
    private void withdrawAll(IpAddress address, List<PodRecord> claimants) {
        addresses.claimants(address, rival -> {
            if (addNew(rival, claimants)) {
                withdraw(rival);
            }
        });
    }

    private void withdraw(PodRecord pod) {
        if (pod.hasAddresses()) {
            pod.namespace.reaches.forEach(reach -> reach.unclaim(pod, touched));
        }
    }

    /** The set of a meaning; one that nothing refers to goes at the next {@link #settle}. */
    LiveSet of(SetMeaning meaning) {
        return byMeaning.computeIfAbsent(meaning, _ -> {
            int attempt = 0;
            while (byId.containsKey(meaning.id(attempt))) {
                attempt++;
            }
            LiveSet set = new LiveSet(meaning, meaning.id(attempt), addresses.shared());
            byId.put(set.id, set);
            touched.add(set);
            populate(set);
            return set;
        });
    }

    private void populate(LiveSet set) {
        LiveReach reach = reaches.computeIfAbsent(set.meaning.reach(), this::reach);
        reach.sets.add(set.meaning.pods(), set);
        reach.setCount++;
        for (NamespaceRecord namespace : reach.namespaces) {
            for (Collection<PodRecord> part : namespace.labelled.candidates(set.meaning.pods())) {
                part.forEach(pod -> set.claim(pod.membersIn(set.meaning)));
            }
        }
    }

    private LiveReach reach(Reach key) {
        LiveReach reach = new LiveReach(key);
        namespaces.stream().filter(reach::includes).forEach(reach::link);
        return reach;
    }

    /** A program uses the block once more. */
    void use(RuleBlock block) {
        if (block.uses++ == 0) {
            block.sets.forEach(set -> set.references++);
        }
    }

    /** A program uses the block no more. */
    void release(RuleBlock block) {
        if (--block.uses == 0) {
            block.sets.forEach(set -> {
                set.references--;
                touched.add(set);
            });
        }
    }

    /** Drops the sets that nothing refers to, and tells what has become of all since the last call. */
    void settle(List<AddressSet> added, Map<SetId, PolicyChange.Members> changed, Set<SetId> removed) {
        if (touched.isEmpty()) {
            return;
        }
        for (LiveSet set : touched) {
            if (set.references == 0) {
                drop(set);
                if (set.published) {
                    removed.add(set.id);
                }
            } else if (!set.published) {
                set.published = true;
                added.add(set.toAddressSet());
            } else {
                PolicyChange.Members members = set.settle();
                if (!members.added().isEmpty() || !members.removed().isEmpty()) {
                    changed.put(set.id, members);
                }
            }
        }
        // A new one, as a cleared one keeps the size of the first compilation and is slow to go through.
        touched = new HashSet<>();
    }

    private void drop(LiveSet set) {
        byMeaning.remove(set.meaning);
        byId.remove(set.id);
        LiveReach reach = reaches.get(set.meaning.reach());
        if (reach == null) {
            throw new IllegalStateException("the set of " + set.meaning + " has no reach");
        }
        reach.sets.remove(set.meaning.pods(), set);
        if (--reach.setCount == 0) {
            List.copyOf(reach.namespaces).forEach(reach::unlink);
            reaches.remove(reach.reach);
        }
    }

    /** The set of a name, to which a rule in use refers. */
    LiveSet get(SetId id) {
        LiveSet set = byId.get(id);
        if (set == null) {
            throw new IllegalStateException("a rule refers to the unknown set " + id);
        }
        return set;
    }

    /** All sets, by name. */
    Map<SetId, AddressSet> all() {
        List<LiveSet> sets = new ArrayList<>(byId.values());
        Map<SetId, AddressSet> all = HashMap.newHashMap(sets.size());
        sets.forEach(set -> all.put(set.id, set.toAddressSet()));
        return all;
    }
}
