package dev.ikat.ebpf.program;

import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A policy program as rows of tables. It knows what is in force, and computes what a change of the program changes in
 * the tables. After a failure it can't be used any more.
 */
public final class Tables {
    private static final int ENDPOINT_BYTES = 12;

    private record SetContent(AddressSet.Form form, Set<SetMember> members) {}

    /** What a pod's interface has become. */
    private record Pod(int id, PodProgram program, int egress, int ingress) {}

    private final Map<SetId, SetContent> sets = new HashMap<>();
    private final Map<InterfaceName, Pod> pods = new HashMap<>();
    private final Map<IpAddress, InterfaceName> owners = new HashMap<>();
    private final PeerClasses classes = new PeerClasses();
    private final Blocks blocks = new Blocks(classes);
    private final Programs programs = new Programs(classes, blocks, this::form);
    private int lastEndpoint;

    private AddressSet.Form form(SetId id) {
        return set(id).form();
    }

    private SetContent set(SetId id) {
        SetContent found = sets.get(id);
        if (found == null) {
            throw new PolicyBackendException("the program refers to the unknown set " + id);
        }
        return found;
    }

    /** The transaction that stores the first program in empty tables. */
    public Transaction begin(PolicyProgram program) {
        return change(new PolicyChange(
                List.copyOf(program.sets().values()),
                Map.of(),
                List.copyOf(program.pods().values()),
                List.of(),
                Set.of()));
    }

    /**
     * The transaction for a change.
     *
     * @throws PolicyBackendException if the change does not fit the current program
     */
    public Transaction change(PolicyChange change) {
        Transaction transaction = new Transaction();
        Memberships moves = new Memberships();
        for (AddressSet set : change.addedSets()) {
            if (sets.containsKey(set.id())) {
                throw new PolicyBackendException("the set " + set.id() + " already exists");
            }
            sets.put(set.id(), new SetContent(set.form(), new HashSet<>(set.members())));
            Set<PeerMatch> match = Set.of(new PeerMatch.InSet(set.id()));
            set.members().forEach(member -> moves.join(member, match));
        }
        change.changedSets().forEach((id, members) -> {
            SetContent set = set(id);
            Set<PeerMatch> match = Set.of(new PeerMatch.InSet(id));
            for (SetMember member : members.removed()) {
                require(set.members().remove(member), id, member, "is not a member");
                moves.leave(member, match);
            }
            for (SetMember member : members.added()) {
                require(set.members().add(member), id, member, "is a member already");
                moves.join(member, match);
            }
        });
        for (PodProgram program : change.programs()) {
            put(transaction, program);
        }
        for (Endpoint endpoint : change.removedPods()) {
            remove(transaction, endpoint.hostInterface());
        }
        for (SetId id : change.removedSets()) {
            Set<PeerMatch> match = Set.of(new PeerMatch.InSet(id));
            set(id).members().forEach(member -> moves.leave(member, match));
            sets.remove(id);
        }
        moves.settle(transaction);
        blocks.settle(transaction);
        classes.settle(transaction);
        return transaction;
    }

    private static void require(boolean fits, SetId id, SetMember member, String fault) {
        if (!fits) {
            throw new PolicyBackendException("the set " + id + " can't be changed: " + member + " " + fault);
        }
    }

    /** Who joins and leaves which sets, so that each gets its new class at once. */
    private final class Memberships {
        private final Map<SetMember, Set<PeerMatch>> joined = new LinkedHashMap<>();
        private final Map<SetMember, Set<PeerMatch>> left = new LinkedHashMap<>();

        void join(SetMember member, Set<PeerMatch> set) {
            joined.merge(member, set, Memberships::union);
        }

        void leave(SetMember member, Set<PeerMatch> set) {
            left.merge(member, set, Memberships::union);
        }

        private static Set<PeerMatch> union(Set<PeerMatch> some, Set<PeerMatch> others) {
            Set<PeerMatch> all = new HashSet<>(some);
            all.addAll(others);
            return all;
        }

        void settle(Transaction transaction) {
            joined.forEach((member, sets) -> settle(transaction, member, sets, left.getOrDefault(member, Set.of())));
            left.forEach((member, sets) -> {
                if (!joined.containsKey(member)) {
                    settle(transaction, member, Set.of(), sets);
                }
            });
        }

        private void settle(Transaction transaction, SetMember member, Set<PeerMatch> joining, Set<PeerMatch> leaving) {
            Table table = switch (member) {
                case SetMember.AddressMember _ -> Table.MEMBERS;
                case SetMember.PortMember _ -> Table.NAMED;
            };
            MapKey key = Layout.member(member);
            Set<PeerMatch> before = classes.of(table, key);
            if (before.isEmpty()) {
                classes.set(transaction, table, key, joining);
                return;
            }
            Set<PeerMatch> now = new HashSet<>(before);
            now.removeAll(leaving);
            now.addAll(joining);
            classes.set(transaction, table, key, now);
        }
    }

    private void put(Transaction transaction, PodProgram program) {
        InterfaceName name = program.endpoint().hostInterface();
        Pod before = pods.get(name);
        // Used before the former are released, so that what stays the same is not made again.
        Pod now = new Pod(
                before == null ? ++lastEndpoint : before.id(),
                program,
                programs.use(transaction, program.egress()),
                programs.use(transaction, program.ingress()));
        if (before != null) {
            release(transaction, before);
            for (IpAddress address : before.program().endpoint().addresses()) {
                if (!program.endpoint().addresses().contains(address)) {
                    disown(transaction, name, address);
                }
            }
        }
        pods.put(name, now);
        transaction.root(Table.INTERFACES, Layout.name(name), Layout.number(now.id()));
        for (IpAddress address : program.endpoint().addresses()) {
            owners.put(address, name);
            transaction.root(Table.ADDRESSES, Layout.address(address), row(now));
        }
    }

    private static ByteBuffer row(Pod pod) {
        return Layout.of(ENDPOINT_BYTES)
                .putInt(pod.id())
                .putInt(pod.egress())
                .putInt(pod.ingress())
                .flip();
    }

    private void release(Transaction transaction, Pod pod) {
        programs.release(transaction, pod.program().egress());
        programs.release(transaction, pod.program().ingress());
    }

    private void remove(Transaction transaction, InterfaceName name) {
        Pod gone = pods.remove(name);
        if (gone == null) {
            return;
        }
        release(transaction, gone);
        transaction.root(Table.INTERFACES, Layout.name(name), Layout.number(0));
        for (IpAddress address : gone.program().endpoint().addresses()) {
            disown(transaction, name, address);
        }
    }

    /** An address that another interface has taken over stays its. */
    private void disown(Transaction transaction, InterfaceName name, IpAddress address) {
        if (owners.remove(address, name)) {
            transaction.root(Table.ADDRESSES, Layout.address(address), Layout.of(ENDPOINT_BYTES));
        }
    }

    /** The program that the tables were made of, without the meanings of its sets. */
    public PolicyProgram program() {
        Map<SetId, AddressSet> addressSets = new HashMap<>();
        sets.forEach((id, set) -> addressSets.put(id, new AddressSet(id, set.form(), "", set.members())));
        Map<InterfaceName, PodProgram> programs = new HashMap<>();
        pods.forEach((name, pod) -> programs.put(name, pod.program()));
        return new PolicyProgram(addressSets, programs);
    }

    /** The number of an interface's endpoint. */
    public Optional<Integer> endpoint(InterfaceName name) {
        return Optional.ofNullable(pods.get(name)).map(Pod::id);
    }

    /** An endpoint's addresses. */
    List<IpAddress> addresses(InterfaceName name) {
        Pod pod = pods.get(name);
        return pod == null ? List.of() : pod.program().endpoint().addresses();
    }

    /** The differences between the program and the one that the tables were made of, one line for each. */
    public List<String> differences(PolicyProgram program) {
        List<String> differences = new ArrayList<>();
        Map<InterfaceName, PodProgram> present = new HashMap<>();
        pods.forEach((name, pod) -> present.put(name, pod.program()));
        compare("endpoint", program.pods(), present, differences);
        Map<SetId, Set<SetMember>> wanted = new HashMap<>();
        program.sets().forEach((id, set) -> wanted.put(id, set.members()));
        Map<SetId, Set<SetMember>> there = new HashMap<>();
        sets.forEach((id, set) -> there.put(id, set.members()));
        compare("set", wanted, there, differences);
        return differences;
    }

    private static <K, V> void compare(String what, Map<K, V> wanted, Map<K, V> present, List<String> differences) {
        wanted.forEach((key, value) -> {
            if (!Objects.equals(present.get(key), value)) {
                differences.add(
                        "the " + what + " " + key + (present.containsKey(key) ? " has changed" : " is missing"));
            }
        });
        present.keySet().stream()
                .filter(key -> !wanted.containsKey(key))
                .forEach(key -> differences.add("the " + what + " " + key + " should not be there"));
    }
}
