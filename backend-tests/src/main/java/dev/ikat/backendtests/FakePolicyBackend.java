package dev.ikat.backendtests;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A policy backend in memory, for tests that need no packets. It is as strict as the real ones, whose contract it
 * passes: a change that does not fit the program in force is refused, and then the whole program has to be put in
 * force.
 */
public final class FakePolicyBackend implements PolicyBackend {
    private final FakeKernel kernel;
    private final String kind;
    private Optional<String> unavailable = Optional.empty();
    private boolean known;
    private boolean audited;
    private boolean closed;
    private PolicyProgram last = PolicyProgram.EMPTY;

    /** @param kind by which the kernel distinguishes it from other backends */
    public FakePolicyBackend(FakeKernel kernel, String kind) {
        this.kernel = kernel;
        this.kind = kind;
    }

    /** This host can't run it, for this reason. */
    public FakePolicyBackend unavailable(String reason) {
        unavailable = Optional.of(reason);
        return this;
    }

    /** Whether it was asked for differences. */
    public boolean isAudited() {
        return audited;
    }

    /** Whether it was closed. */
    public boolean isClosed() {
        return closed;
    }

    @Override
    public Optional<String> probe() {
        return unavailable;
    }

    @Override
    public void replace(PolicyProgram program) {
        requireOpen();
        known = false;
        requireSets(program);
        kernel.put(kind, "replace", program);
        last = program;
        known = true;
    }

    @Override
    public void apply(PolicyChange change) {
        requireOpen();
        if (!known) {
            throw new PolicyBackendException(
                    "it is not known what is in force; the whole program has to be put in force first");
        }
        known = false;
        PolicyProgram after = applied(kernel.program(kind).orElse(PolicyProgram.EMPTY), change);
        requireSets(after);
        kernel.put(kind, "apply", after);
        last = after;
        known = true;
    }

    private static PolicyProgram applied(PolicyProgram program, PolicyChange change) {
        Map<SetId, AddressSet> sets = new HashMap<>(program.sets());
        Map<InterfaceName, PodProgram> pods = new HashMap<>(program.pods());
        for (AddressSet set : change.addedSets()) {
            require(sets.put(set.id(), set) == null, "set " + set.id() + " already exists");
        }
        change.changedSets().forEach((id, members) -> sets.put(id, changed(sets, id, members)));
        change.programs().forEach(pod -> pods.put(pod.endpoint().hostInterface(), pod));
        for (var endpoint : change.removedPods()) {
            require(pods.remove(endpoint.hostInterface()) != null, endpoint.hostInterface() + " has no program");
        }
        for (SetId set : change.removedSets()) {
            require(sets.remove(set) != null, "there is no set " + set);
        }
        return new PolicyProgram(sets, pods);
    }

    private static AddressSet changed(Map<SetId, AddressSet> sets, SetId id, PolicyChange.Members members) {
        AddressSet set = sets.get(id);
        if (set == null) {
            throw new PolicyBackendException("there is no set " + id);
        }
        Set<SetMember> now = new HashSet<>(set.members());
        require(now.containsAll(members.removed()), "set " + id + " has not all of " + members.removed());
        now.removeAll(members.removed());
        now.addAll(members.added());
        return new AddressSet(id, set.form(), set.meaning(), now);
    }

    /** Every set that a rule refers to is there, as the kernel wants it. */
    private static void requireSets(PolicyProgram program) {
        program.pods()
                .values()
                .forEach(pod -> Stream.of(pod.ingress(), pod.egress())
                        .flatMap(FakePolicyBackend::sets)
                        .forEach(set -> require(program.sets().containsKey(set), "there is no set " + set)));
    }

    private static Stream<SetId> sets(DirectionProgram direction) {
        return direction.tiers().stream()
                .flatMap(tier -> tier.rules().stream())
                .flatMap(rule -> rule.peers().stream())
                .flatMap(peer -> peer instanceof PeerMatch.InSet(SetId id) ? Stream.of(id) : Stream.empty());
    }

    private static void require(boolean fits, String otherwise) {
        if (!fits) {
            throw new PolicyBackendException(otherwise);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this backend was closed");
        }
    }

    @Override
    public List<String> audit(PolicyProgram program) {
        requireOpen();
        audited = true;
        if (!known) {
            return List.of("it is not known what is in force");
        }
        PolicyProgram found = kernel.program(kind).orElse(PolicyProgram.EMPTY);
        List<String> differences = new ArrayList<>();
        compare("pod", program.pods(), found.pods(), differences);
        compare("set", program.sets(), found.sets(), differences);
        if (kernel.program(kind).isEmpty()) {
            differences.add("nothing is in force");
        }
        return differences;
    }

    private static <K, V> void compare(String what, Map<K, V> wanted, Map<K, V> found, List<String> differences) {
        wanted.forEach((key, value) -> {
            if (!value.equals(found.get(key))) {
                differences.add(what + " " + key + " is not as it should be");
            }
        });
        found.keySet().stream()
                .filter(key -> !wanted.containsKey(key))
                .forEach(key -> differences.add(what + " " + key + " should not be there"));
    }

    @Override
    public boolean isUntouched() {
        return known && kernel.program(kind).equals(Optional.of(last));
    }

    @Override
    public void handOver() {
        requireOpen();
        kernel.note(kind, "hand over");
    }

    @Override
    public void remove() {
        requireOpen();
        known = false;
        kernel.remove(kind, Capability.POLICY);
    }

    @Override
    public void close() {
        closed = true;
    }
}
