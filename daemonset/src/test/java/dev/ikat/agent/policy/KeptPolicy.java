package dev.ikat.agent.policy;

import static dev.ikat.policy.compiler.ClusterText.added;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.FakeKernel;
import dev.ikat.backendtests.FakePolicyBackend;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.testbed.host.TestDirectory;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** A keeper of policy that works when the test says so, by the test's clock, on a kernel in memory. */
final class KeptPolicy implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final AddressPlan PLAN = AddressPlan.of(Cidr.parse("10.0.0.0/24"));

    final FakeKernel kernel = new FakeKernel();
    final FakePolicyBackend backend = new FakePolicyBackend(kernel, "first");
    /** What the keeper told its listener. */
    final List<String> told = new ArrayList<>();

    final LeaseStore leases;
    final PolicyKeeper keeper;
    private final TestDirectory directory = TestDirectory.create();
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final AtomicLong nanos = new AtomicLong();

    KeptPolicy() {
        leases = LeaseStore.open(directory.path().resolve("leases"), Clock.systemUTC());
        keeper = new PolicyKeeper(
                "node", leases, () -> backend, PATIENCE, new PolicyMetrics(registry), listener(), nanos::get);
    }

    private PolicyListener listener() {
        return new PolicyListener() {
            @Override
            public void needed() {
                told.add("needed");
            }

            @Override
            public void inForce(PolicyChange change) {
                told.add("in force: " + change.programs().size() + " pods");
            }

            @Override
            public void allInForce() {
                told.add("all in force");
            }
        };
    }

    /** The cluster is known, and what it says is in force. */
    KeptPolicy inForce(ClusterObject... objects) throws InterruptedException {
        keeper.changed(added(objects));
        keeper.work();
        keeper.reconcile();
        told.clear();
        return this;
    }

    /** The lease of a pod in the namespace shop, as ADD has it while it waits. */
    Lease lease(String pod) {
        return leases.allocate(
                new Attachment(new ContainerId(pod), new InterfaceName("eth0")),
                new NetworkName("pods"),
                Optional.of(new PodName("shop", pod)),
                PLAN,
                List.of());
    }

    /** The same, of a pod that is wired. */
    Lease activeLease(String pod) {
        return leases.activate(lease(pod).attachment());
    }

    /** An ADD asks, and the keeper takes it in. */
    PolicyWaiter add(Lease lease) throws InterruptedException {
        PolicyWaiter waiter = (PolicyWaiter) keeper.enforce(lease);
        keeper.work();
        return waiter;
    }

    /** As {@link #add}, of one that is answered at once. */
    void wire(Lease lease) throws InterruptedException {
        PolicyWaiter waiter = add(lease);
        assertThat(waiter.isAnswered()).as("%s is answered", lease).isTrue();
        waiter.await();
    }

    static IpAddress address(Lease lease) {
        return lease.addresses().getFirst();
    }

    void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    /** How many changes were timed. */
    long timed() {
        return registry.scrape(name -> name.equals("ikat_policy_apply_seconds")).stream()
                .flatMap(metric -> ((HistogramSnapshot) metric).getDataPoints().stream())
                .mapToLong(HistogramSnapshot.HistogramDataPointSnapshot::getCount)
                .sum();
    }

    @Override
    public void close() {
        keeper.close();
        leases.close();
        directory.close();
    }
}
