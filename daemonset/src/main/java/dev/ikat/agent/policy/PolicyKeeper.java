package dev.ikat.agent.policy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cni.PodLink;
import dev.ikat.cni.PodPolicy;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.compiler.AddressContest;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PolicyView;
import dev.ikat.policy.program.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what the kernel enforces equal to the cluster's policies and to this node's pods. What comes at once, from
 * whatever side, is compiled together and becomes one change of the kernel, on one thread; {@link #reconcile} begins
 * with all of it and repairs it. Thread-safe.
 */
public final class PolicyKeeper implements PodPolicy, PolicyView, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PolicyKeeper.class);
    private static final int DIFFERENCES_LOGGED = 5;

    private final LeaseStore leases;
    private final Duration patience;
    private final PolicyMetrics metrics;
    private final PolicyListener listener;
    private final BlockingQueue<Work> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private volatile boolean closed;

    /** Held while something is compiled and put in force, so that whoever has it sees what is in force. */
    private final ReentrantLock lock = new ReentrantLock();

    private final PolicyCompiler compiler;
    private final Evaluator evaluator;
    private final Map<InterfaceName, Endpoint> endpoints = new HashMap<>();
    private final List<PolicyWaiter> waiting = new ArrayList<>();
    private Supplier<PolicyBackend> opener;
    private Optional<PolicyBackend> backend = Optional.empty();
    private Map<IpAddress, AddressContest> contests = Map.of();
    private boolean clusterKnown;
    private boolean inForce;
    private String failure = "it is not in force yet";

    private record Work(PolicyInput input, Optional<PolicyWaiter> waiter, long since) {}

    /**
     * @param nodeName this node's
     * @param leases say which pods this node has
     * @param opener opens the backend, when it is first needed
     * @param patience how long ADD waits for a pod's labels
     * @param metrics told how long changes take
     * @param listener told what has come in force
     */
    public PolicyKeeper(
            String nodeName,
            LeaseStore leases,
            Supplier<PolicyBackend> opener,
            Duration patience,
            PolicyMetrics metrics,
            PolicyListener listener) {
        this.compiler = new PolicyCompiler(nodeName);
        this.evaluator = new Evaluator(compiler);
        this.leases = leases;
        this.opener = opener;
        this.patience = patience;
        this.metrics = metrics;
        this.listener = listener;
        this.thread = Thread.ofPlatform().name("policy").unstarted(this::run);
    }

    /** Begins to work. */
    public PolicyKeeper start() {
        thread.start();
        return this;
    }

    /** The cluster is different from now on; the first call tells all that there is. */
    public void changed(ClusterChange change) {
        put(new PolicyInput.Cluster(change), Optional.empty());
    }

    @Override
    public Enforcement enforce(Lease lease) {
        Endpoint endpoint = endpoint(lease);
        PolicyWaiter waiter = new PolicyWaiter(endpoint, patience);
        put(new PolicyInput.Wired(endpoint), Optional.of(waiter));
        return waiter;
    }

    @Override
    public void release(Lease lease) {
        put(new PolicyInput.Unwired(PodLink.of(lease.attachment()).hostName()), Optional.empty());
    }

    private void put(PolicyInput input, Optional<PolicyWaiter> waiter) {
        queue.add(new Work(input, waiter, System.nanoTime()));
    }

    private static Endpoint endpoint(Lease lease) {
        return new Endpoint(
                lease.attachment(),
                PodLink.of(lease.attachment()).hostName(),
                lease.addresses(),
                lease.pod().map(pod -> new ObjectKey(ObjectKind.POD, pod.namespace(), pod.name())),
                lease.isRebuilt());
    }

    private void run() {
        List<Work> batch = new ArrayList<>();
        while (!closed) {
            try {
                Work first = queue.poll(untilDeadline(), TimeUnit.NANOSECONDS);
                if (first != null) {
                    batch.add(first);
                    queue.drainTo(batch);
                }
                work(batch);
            } catch (InterruptedException e) {
                // Only close interrupts.
                return;
            } catch (RuntimeException e) {
                LOG.error("event=policy-failed error=\"{}\"", e.getMessage(), e);
                lost("internal error: " + e.getMessage());
            }
            batch.clear();
        }
    }

    /** Until the first of those who wait has waited long enough, in nanoseconds. */
    private long untilDeadline() {
        lock.lock();
        try {
            long now = System.nanoTime();
            return waiting.stream()
                    .mapToLong(waiter -> Math.max(0, waiter.deadline() - now))
                    .min()
                    .orElse(Duration.ofMinutes(1).toNanos());
        } finally {
            lock.unlock();
        }
    }

    private void work(List<Work> batch) {
        lock.lock();
        try {
            List<PolicyInput> inputs = new ArrayList<>(batch.size());
            boolean first = false;
            for (Work work : batch) {
                inputs.add(work.input());
                work.waiter().ifPresent(waiting::add);
                first |= work.input() instanceof PolicyInput.Cluster && !clusterKnown;
            }
            PolicyChange change = compile(inputs);
            if (first) {
                clusterKnown = true;
                listener.needed();
            }
            if (inForce && !change.isEmpty() && apply(change)) {
                metrics.applied(System.nanoTime() - batch.getFirst().since());
            }
            answer();
        } finally {
            lock.unlock();
        }
    }

    private PolicyChange compile(List<PolicyInput> inputs) {
        for (PolicyInput input : inputs) {
            switch (input) {
                case PolicyInput.Wired(Endpoint endpoint) -> endpoints.put(endpoint.hostInterface(), endpoint);
                case PolicyInput.Unwired(InterfaceName name) -> endpoints.remove(name);
                case PolicyInput.Cluster _ -> {}
            }
        }
        PolicyChange change = compiler.update(inputs);
        tellContests();
        return change;
    }

    private void tellContests() {
        Map<IpAddress, AddressContest> now = compiler.contests();
        if (now.equals(contests)) {
            return;
        }
        now.forEach((address, contest) -> {
            if (!contest.equals(contests.get(address))) {
                LOG.warn("event=address-contested address={} reason=\"{}\"", address, contest);
            }
        });
        contests.keySet().stream()
                .filter(address -> !now.containsKey(address))
                .forEach(address -> LOG.info("event=address-contest-over address={}", address));
        contests = Map.copyOf(now);
    }

    private boolean apply(PolicyChange change) {
        try {
            backend.orElseThrow().apply(change);
            listener.inForce(change);
            return true;
        } catch (PolicyBackendException e) {
            LOG.error("event=policy-refused error=\"{}\"", e.getMessage(), e);
            lost(String.valueOf(e.getMessage()));
            return false;
        }
    }

    private void lost(String reason) {
        lock.lock();
        try {
            inForce = false;
            failure = reason;
            answer();
        } finally {
            lock.unlock();
        }
        listener.needed();
    }

    /** Answers those who need not wait any longer. */
    private void answer() {
        waiting.removeIf(waiter -> {
            InterfaceName name = waiter.endpoint().hostInterface();
            if (!inForce) {
                return waiter.fail("the pod's policy is not in force", failure);
            }
            if (!waiter.endpoint().equals(endpoints.get(name))) {
                return waiter.fail("the pod's interface is being removed", "another request does so");
            }
            if (!compiler.awaitsLabels(name)) {
                return waiter.done();
            }
            if (System.nanoTime() - waiter.deadline() < 0) {
                return false;
            }
            return waiter.fail(
                    "the pod's labels are not known",
                    "policies of its namespace ask for them, and no object of pod "
                            + waiter.endpoint().pod().map(ObjectKey::toString).orElse("")
                            + " has come from the cluster for "
                            + patience.toMillis() + " ms");
        });
    }

    /** What {@link #reconcile} has to wait for; empty if nothing. */
    public Optional<String> waitsFor() {
        lock.lock();
        try {
            return clusterKnown ? Optional.empty() : Optional.of("the cluster's policies are not read yet");
        } finally {
            lock.unlock();
        }
    }

    /**
     * Puts everything in force the first time, and after it was lost; else repairs what somebody changed.
     *
     * @return how many differences there were
     * @throws PolicyBackendException if the kernel can't be asked or refuses
     */
    public int reconcile() {
        lock.lock();
        try {
            PolicyBackend open = backend();
            PolicyChange change = compile(differences());
            if (inForce && !change.isEmpty()) {
                LOG.warn("event=policy-endpoints-corrected change={}", change);
                apply(change);
            }
            if (!inForce) {
                replace(open);
                return 0;
            }
            if (open.isUntouched()) {
                return 0;
            }
            List<String> drift = open.audit(compiler.program());
            if (!drift.isEmpty()) {
                LOG.warn(
                        "event=policy-drift differences={} first={}",
                        drift.size(),
                        drift.subList(0, Math.min(DIFFERENCES_LOGGED, drift.size())));
                replace(open);
            }
            return drift.size();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Lets another backend enforce the same. It is in force, and was looked at, before the former goes, so no packet
     * meets neither.
     *
     * @param other opens it
     * @throws PolicyBackendException if it can't be used or can't enforce the program; the former does so as before
     */
    public void swap(Supplier<PolicyBackend> other) {
        lock.lock();
        try {
            if (backend.isEmpty()) {
                opener = other;
                return;
            }
            PolicyBackend next = opened(other);
            PolicyProgram program = compiler.program();
            backend.get().handOver();
            try {
                next.replace(program);
                List<String> differences = next.audit(program);
                if (!differences.isEmpty()) {
                    throw new PolicyBackendException("the other backend differs from the program: "
                            + differences.subList(0, Math.min(DIFFERENCES_LOGGED, differences.size())));
                }
            } catch (PolicyBackendException e) {
                next.remove();
                next.close();
                throw e;
            }
            PolicyBackend former = backend.get();
            opener = other;
            backend = Optional.of(next);
            inForce = true;
            // What the former one kept from going on may have been handed over as open.
            listener.allInForce();
            answer();
            try {
                former.remove();
            } catch (PolicyBackendException e) {
                // Both are in force, which is safe; whoever asked for the other one tries again.
                LOG.error("event=former-policies-remain error=\"{}\"", e.getMessage());
            }
            former.close();
        } finally {
            lock.unlock();
        }
    }

    private static PolicyBackend opened(Supplier<PolicyBackend> opener) {
        PolicyBackend opened = opener.get();
        Optional<String> reason = opened.probe();
        if (reason.isPresent()) {
            opened.close();
            throw new PolicyBackendException(reason.get());
        }
        return opened;
    }

    private PolicyBackend backend() {
        if (backend.isEmpty()) {
            backend = Optional.of(opened(opener));
        }
        return backend.get();
    }

    private void replace(PolicyBackend open) {
        long start = System.nanoTime();
        PolicyProgram program = compiler.program();
        try {
            open.replace(program);
        } catch (PolicyBackendException e) {
            inForce = false;
            failure = String.valueOf(e.getMessage());
            throw e;
        }
        inForce = true;
        LOG.info(
                "event=policy-in-force pods={} sets={} ms={}",
                program.pods().size(),
                program.sets().size(),
                (System.nanoTime() - start) / 1_000_000);
        listener.allInForce();
        answer();
    }

    /**
     * What the leases say otherwise. An ADD asks for its own, and a pending lease is that ADD's; whoever releases one
     * tells of that.
     */
    private List<PolicyInput> differences() {
        List<PolicyInput> inputs = new ArrayList<>();
        Map<InterfaceName, Endpoint> surplus = new HashMap<>(endpoints);
        for (Lease lease : leases.leases()) {
            Endpoint endpoint = endpoint(lease);
            Endpoint known = surplus.remove(endpoint.hostInterface());
            if (lease.state() == LeaseState.ACTIVE && !endpoint.equals(known)) {
                inputs.add(new PolicyInput.Wired(endpoint));
            }
        }
        surplus.keySet().forEach(name -> inputs.add(new PolicyInput.Unwired(name)));
        return inputs;
    }

    /** How many of the node's interfaces are kept to a policy. */
    public int endpointCount() {
        lock.lock();
        try {
            return endpoints.size();
        } finally {
            lock.unlock();
        }
    }

    /** The addresses that more than one is said to have, now. */
    public List<AddressContest> contests() {
        lock.lock();
        try {
            return contests.values().stream()
                    .sorted(Comparator.comparing(contest -> contest.address().toString()))
                    .toList();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Verdict evaluate(Flow flow) {
        lock.lock();
        try {
            return evaluator.evaluate(flow);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Optional<Endpoint> endpoint(IpAddress address) {
        lock.lock();
        try {
            return evaluator.endpoint(address);
        } finally {
            lock.unlock();
        }
    }

    /** Stops; what is in the kernel stays in force. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(Duration.ofSeconds(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        lock.lock();
        try {
            waiting.forEach(waiter -> waiter.fail("the node agent is stopping", "its successor answers"));
            waiting.clear();
            backend.ifPresent(PolicyBackend::close);
        } finally {
            lock.unlock();
        }
    }
}
