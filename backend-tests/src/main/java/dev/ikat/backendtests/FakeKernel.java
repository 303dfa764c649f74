package dev.ikat.backendtests;

import dev.ikat.dataplane.AcceptanceState;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What {@link FakeDataplane}s have in force. It outlives them, as the kernel does, and a packet is subject to all of
 * it: only what every program allows passes. Each change is recorded, and can be observed as soon as it is done.
 * Thread-safe.
 */
public final class FakeKernel {
    private final Map<String, PolicyProgram> programs = new TreeMap<>();
    private final Map<String, MasqueradeState> masquerades = new TreeMap<>();
    private final Map<String, GuardState> guards = new TreeMap<>();
    private final Map<String, AcceptanceState> acceptances = new TreeMap<>();
    private final Map<String, ServiceProgram> services = new TreeMap<>();
    private final Map<String, List<StickyClient>> stickyClients = new TreeMap<>();
    private final Map<String, String> refusals = new HashMap<>();
    private final Map<String, String> refusedRemovals = new HashMap<>();
    private final List<String> steps = new ArrayList<>();
    private Runnable afterEachStep = () -> {};

    /** Whether this connection's first packet passes, as {@link Evaluator} says of each program in force. */
    public synchronized boolean passes(Flow flow) {
        return programs.values().stream().allMatch(program -> passes(program, flow));
    }

    private static boolean passes(PolicyProgram program, Flow flow) {
        return new Evaluator(program).evaluate(flow).accepted();
    }

    /** The kinds of dataplanes that have a policy program in force. */
    public synchronized Set<String> kinds() {
        return kinds(Capability.POLICY);
    }

    /** The kinds of dataplanes that have a capability in force. */
    public synchronized Set<String> kinds(Capability capability) {
        return new TreeSet<>(inForce(capability).keySet());
    }

    private Map<String, ?> inForce(Capability capability) {
        return switch (capability) {
            case POLICY -> programs;
            case MASQUERADE -> masquerades;
            case GUARD -> guards;
            case ACCEPTANCE -> acceptances;
            case SERVICES -> services;
        };
    }

    /** What a kind of backend has in force. */
    public synchronized Optional<PolicyProgram> program(String kind) {
        return Optional.ofNullable(programs.get(kind));
    }

    /** Which traffic a kind of dataplane masquerades. */
    public synchronized Optional<MasqueradeState> masquerade(String kind) {
        return Optional.ofNullable(masquerades.get(kind));
    }

    /** The state of a kind of dataplane's source guard. */
    public synchronized Optional<GuardState> guard(String kind) {
        return Optional.ofNullable(guards.get(kind));
    }

    /** What a kind of dataplane has the host's firewall accept. */
    public synchronized Optional<AcceptanceState> acceptance(String kind) {
        return Optional.ofNullable(acceptances.get(kind));
    }

    /** What a kind of backend does with services. */
    public synchronized Optional<ServiceProgram> serviceProgram(String kind) {
        return Optional.ofNullable(services.get(kind));
    }

    /** A kind of backend remembers this client from now on. */
    public synchronized void stick(String kind, StickyClient client) {
        stickyClients.computeIfAbsent(kind, _ -> new ArrayList<>()).add(client);
    }

    /** The clients that a kind of backend remembers, the oldest first. */
    public synchronized List<StickyClient> stickyClients(String kind) {
        return List.copyOf(stickyClients.getOrDefault(kind, List.of()));
    }

    /** What was done, the oldest first: {@code nftables replace}. */
    public synchronized List<String> steps() {
        return List.copyOf(steps);
    }

    /** Runs this after each step, on the thread that made it. */
    public synchronized void afterEachStep(Runnable look) {
        afterEachStep = look;
    }

    /** From now on this kind is refused everything that it wants to put in force, for this reason. */
    public synchronized void refuse(String kind, String reason) {
        refusals.put(kind, reason);
    }

    /** From now on what this kind has in force can't be removed, for this reason. */
    public synchronized void refuseRemoval(String kind, String reason) {
        refusedRemovals.put(kind, reason);
    }

    /** From now on this kind is refused nothing. */
    public synchronized void accept(String kind) {
        refusals.remove(kind);
        refusedRemovals.remove(kind);
    }

    /** Another program removes everything that a kind has in force, unnoticed. */
    public synchronized void flush(String kind) {
        programs.remove(kind);
        masquerades.remove(kind);
        guards.remove(kind);
        acceptances.remove(kind);
        services.remove(kind);
    }

    /** Another program removes a pod's program, unnoticed by the backend. */
    public synchronized void damage(String kind, InterfaceName pod) {
        PolicyProgram program = programs.get(kind);
        if (program == null || !program.pods().containsKey(pod)) {
            throw new IllegalStateException(kind + " has nothing in force for " + pod);
        }
        Map<InterfaceName, PodProgram> pods = new HashMap<>(program.pods());
        pods.remove(pod);
        programs.put(kind, new PolicyProgram(program.sets(), pods));
    }

    /** @throws PolicyBackendException if this kind is refused changes */
    synchronized void put(String kind, String step, PolicyProgram program) {
        require(refusals, kind);
        programs.put(kind, program);
        note(kind, step);
    }

    /** @throws PolicyBackendException if this kind is refused changes */
    synchronized void put(String kind, MasqueradeState state) {
        require(refusals, kind);
        masquerades.put(kind, state);
        note(kind, "masquerade");
    }

    /** @throws PolicyBackendException if this kind is refused changes */
    synchronized void put(String kind, GuardState state) {
        require(refusals, kind);
        guards.put(kind, state);
        note(kind, "guard");
    }

    /** @throws PolicyBackendException if this kind is refused changes */
    synchronized void put(String kind, AcceptanceState state) {
        require(refusals, kind);
        acceptances.put(kind, state);
        note(kind, "acceptance");
    }

    /** @throws PolicyBackendException if this kind is refused changes */
    synchronized void put(String kind, ServiceProgram program) {
        require(refusals, kind);
        services.put(kind, program);
        note(kind, "services");
    }

    /** @throws PolicyBackendException if what this kind has in force can't be removed */
    synchronized void remove(String kind, Capability capability) {
        require(refusedRemovals, kind);
        if (inForce(capability).remove(kind) != null) {
            note(kind, "remove " + capability.name().toLowerCase(Locale.ROOT));
        }
    }

    /** @throws PolicyBackendException if this kind is refused changes */
    synchronized void requireAccepted(String kind) {
        require(refusals, kind);
    }

    private static void require(Map<String, String> refusals, String kind) {
        String refusal = refusals.get(kind);
        if (refusal != null) {
            throw new PolicyBackendException(refusal);
        }
    }

    synchronized void note(String kind, String step) {
        steps.add(kind + " " + step);
        afterEachStep.run();
    }

    @Override
    public synchronized String toString() {
        return programs + " " + masquerades + " " + guards + " " + acceptances + " " + services;
    }
}
