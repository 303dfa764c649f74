package dev.ikat.agent.policy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cni.PodLink;
import dev.ikat.cni.PodPolicy;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.compiler.AddressContest;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.compiler.PolicyReview;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyView;
import dev.ikat.policy.program.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what the kernel enforces up to date with the cluster's policies and this node's pods. Changes that arrive at
 * the same time, from whatever source, are compiled together and become one change of the kernel, on one thread.
 * {@link #reconcile} puts the whole program in force at first, and repairs drift later. Thread-safe.
 */
public final class PolicyKeeper implements PodPolicy, PolicyView, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PolicyKeeper.class);

    private final LeaseStore leases;
    private final PolicyMetrics metrics;
    private final PolicyListener listener;
    private final LongSupplier clock;
    private final PolicyQueue queue;

    /** Held while something is compiled and put in force, so that whoever has it sees what is in force. */
    private final ReentrantLock lock = new ReentrantLock();

    private final PolicyCompiler compiler;
    private final Evaluator evaluator;
    private final PolicyEnforcement enforcement;
    private final NodeEndpoints endpoints = new NodeEndpoints();
    private final AddressContests contests = new AddressContests();
    private final PolicyWaiters waiters;
    private boolean clusterKnown;

    /**
     * @param nodeName this node's
     * @param leases the leases of this node's pods
     * @param opener opens the backend when it is first needed
     * @param patience how long ADD waits for a pod's labels
     * @param metrics receives how long changes take
     * @param listener is called when something has come in force
     */
    public PolicyKeeper(
            String nodeName,
            LeaseStore leases,
            Supplier<PolicyBackend> opener,
            Duration patience,
            PolicyMetrics metrics,
            PolicyListener listener) {
        this(nodeName, leases, opener, patience, metrics, listener, System::nanoTime);
    }

    PolicyKeeper(
            String nodeName,
            LeaseStore leases,
            Supplier<PolicyBackend> opener,
            Duration patience,
            PolicyMetrics metrics,
            PolicyListener listener,
            LongSupplier clock) {
        this.compiler = new PolicyCompiler(nodeName);
        this.evaluator = new Evaluator(compiler);
        this.leases = leases;
        this.metrics = metrics;
        this.listener = listener;
        this.clock = clock;
        this.enforcement = new PolicyEnforcement(opener, new Answering());
        this.waiters = new PolicyWaiters(endpoints, compiler::awaitsLabels, patience, clock);
        this.queue = new PolicyQueue(new BatchWorker(), clock);
    }

    /** Starts the thread. */
    public PolicyKeeper start() {
        queue.start();
        return this;
    }

    /** The cluster has changed; the first call has all of its objects. */
    public void changed(ClusterChange change) {
        queue.put(new PolicyInput.Cluster(change), Optional.empty());
    }

    @Override
    public Enforcement enforce(Lease lease) {
        Endpoint endpoint = NodeEndpoints.of(lease);
        PolicyWaiter waiter = waiters.waiter(endpoint);
        queue.put(new PolicyInput.Wired(endpoint), Optional.of(waiter));
        return waiter;
    }

    @Override
    public void release(Lease lease) {
        queue.put(new PolicyInput.Unwired(PodLink.of(lease.attachment()).hostName()), Optional.empty());
    }

    /** Takes in what has come, as the thread does, without waiting for more. */
    void work() throws InterruptedException {
        queue.turn(0);
    }

    private final class BatchWorker implements PolicyQueue.Worker {
        @Override
        public long idleNanos() {
            lock.lock();
            try {
                return waiters.idleNanos();
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void work(List<PolicyQueue.Work> batch) {
            lock.lock();
            try {
                List<PolicyInput> inputs = new ArrayList<>(batch.size());
                boolean first = false;
                for (PolicyQueue.Work work : batch) {
                    inputs.add(work.input());
                    work.waiter().ifPresent(waiters::add);
                    first |= work.input() instanceof PolicyInput.Cluster && !clusterKnown;
                }
                PolicyChange change = compile(inputs);
                if (first) {
                    clusterKnown = true;
                    listener.needed();
                }
                if (enforcement.isInForce() && !change.isEmpty() && enforcement.apply(change)) {
                    metrics.applied(clock.getAsLong() - batch.getFirst().since());
                }
                waiters.answer(enforcement.failure());
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void failed(RuntimeException reason) {
            LOG.atError()
                    .addKeyValue("error", reason.getMessage())
                    .setCause(reason)
                    .log("policy-failed");
            lock.lock();
            try {
                enforcement.lost("internal error: " + reason.getMessage());
            } finally {
                lock.unlock();
            }
        }
    }

    /** Answers those who wait as soon as it is clear whether policy is in force: a backend that goes may take long. */
    private final class Answering implements PolicyListener {
        @Override
        public void needed() {
            waiters.answer(enforcement.failure());
            listener.needed();
        }

        @Override
        public void inForce(PolicyChange change) {
            listener.inForce(change);
        }

        @Override
        public void allInForce() {
            listener.allInForce();
            waiters.answer(enforcement.failure());
        }
    }

    private PolicyChange compile(List<PolicyInput> inputs) {
        inputs.forEach(endpoints::update);
        PolicyChange change = compiler.update(inputs);
        contests.update(compiler.contests());
        return change;
    }

    /** What {@link #reconcile} still waits for; empty if nothing. */
    public Optional<String> waitsFor() {
        lock.lock();
        try {
            return clusterKnown ? Optional.empty() : Optional.of("the cluster's policies are not read yet");
        } finally {
            lock.unlock();
        }
    }

    /**
     * Puts everything in force the first time, and after it was lost; otherwise repairs drift.
     *
     * @return how many differences there were
     * @throws PolicyBackendException if the kernel can't be asked or refuses
     */
    public int reconcile() {
        lock.lock();
        try {
            enforcement.open();
            PolicyChange change = compile(endpoints.differences(leases.leases()));
            if (enforcement.isInForce() && !change.isEmpty()) {
                LOG.atWarn().addKeyValue("change", change).log("policy-endpoints-corrected");
                enforcement.apply(change);
            }
            return enforcement.reconcile(compiler::program);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Has another backend enforce the same program. It is in force, and has been audited, before the former one is
     * removed, so that each packet meets at least one of them.
     *
     * @param other opens it
     * @throws PolicyBackendException if it can't be used or can't enforce the program; then the former one still does
     */
    public void swap(Supplier<PolicyBackend> other) {
        lock.lock();
        try {
            enforcement.swap(other, compiler::program);
        } finally {
            lock.unlock();
        }
    }

    /** Why the kernel does not enforce the node's policies; empty if it does. */
    public Optional<String> failure() {
        lock.lock();
        try {
            return enforcement.failure();
        } finally {
            lock.unlock();
        }
    }

    /** How many of the node's interfaces have their policies enforced. */
    public int endpointCount() {
        lock.lock();
        try {
            return endpoints.count();
        } finally {
            lock.unlock();
        }
    }

    /** The addresses that several pods claim now. */
    public List<AddressContest> contests() {
        lock.lock();
        try {
            return contests.all();
        } finally {
            lock.unlock();
        }
    }

    /** A review of the cluster's policies as they are now, for the caller to evaluate; empty before they are read. */
    public Optional<PolicyReview> review() {
        lock.lock();
        try {
            return clusterKnown ? Optional.of(compiler.review()) : Optional.empty();
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
        queue.close();
        lock.lock();
        try {
            waiters.stop();
            enforcement.close();
        } finally {
            lock.unlock();
        }
    }
}
