package dev.ikat.agent.policy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.netfilter.NetfilterLog;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PolicyView;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What follows when a policy has come in force: forbidden connections are ended, and drops are reported. Thread-safe.
 */
public final class PolicyReport implements PolicyListener, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PolicyReport.class);

    private final PolicySettings settings;
    private final Netlink netlink;
    private final PrometheusRegistry registry;
    private final PolicyMetrics metrics;
    private final Runnable reconcileSoon;
    private final PodAddresses pods = new PodAddresses();
    private volatile Optional<CutThread> cuts = Optional.empty();
    private volatile Optional<DropReader> drops = Optional.empty();

    /**
     * @param netlink of the node's namespace, which the calling thread is in
     * @param registry serves the metrics
     * @param reconcileSoon has {@link PolicyKeeper#reconcile} called
     */
    public PolicyReport(PolicySettings settings, Netlink netlink, PrometheusRegistry registry, Runnable reconcileSoon) {
        this.settings = settings;
        this.netlink = netlink;
        this.registry = registry;
        this.metrics = new PolicyMetrics(registry);
        this.reconcileSoon = reconcileSoon;
    }

    /** The keeper's metrics. */
    public PolicyMetrics metrics() {
        return metrics;
    }

    /**
     * Starts in the calling thread's network namespace. If the kernel lacks something, this logs a warning and does
     * without it.
     */
    public void start(PolicyKeeper keeper) {
        metrics.endpoints(keeper::endpointCount);
        metrics.contests(() -> keeper.contests().size());
        if (settings.cutConnections()) {
            try {
                ConnectionCutter cutter = new ConnectionCutter(
                        Conntrack.open(),
                        () -> netlink.addresses().stream()
                                .map(address -> address.address().address())
                                .collect(Collectors.toUnmodifiableSet()));
                cuts = Optional.of(new CutThread(cutter, keeper, metrics));
            } catch (NetlinkException e) {
                LOG.atWarn().addKeyValue("reason", e.getMessage()).log("cuts-unavailable");
            }
        }
        readDrops(keeper);
    }

    /** Whether a pod of the cluster that has not ended is said to have this address. */
    public boolean isClaimed(IpAddress address) {
        return pods.pod(address).isPresent();
    }

    /** Starts without policies: reports what the source guard drops. */
    public void startWithoutPolicy() {
        readDrops(new Evaluator(PolicyProgram.EMPTY));
    }

    private void readDrops(PolicyView policy) {
        settings.dropLogGroup().ifPresent(group -> {
            try {
                drops = Optional.of(
                        new DropReader(NetfilterLog.open(group), policy, pods::pod, registry, Clock.systemUTC()));
            } catch (NetlinkException e) {
                LOG.atWarn()
                        .addKeyValue("group", group)
                        .addKeyValue("reason", e.getMessage())
                        .log("drops-unavailable");
            }
        });
    }

    /** The cluster has changed. */
    public void changed(ClusterChange change) {
        pods.changed(change);
    }

    /** A backend that does not use the kernel's log has dropped a packet, or reports one that it accepted. */
    public void told(LoggedPacket packet) {
        drops.ifPresent(reader -> reader.take(packet));
    }

    @Override
    public void needed() {
        reconcileSoon.run();
    }

    @Override
    public void inForce(PolicyChange change) {
        cuts.ifPresent(thread -> thread.cut(change));
    }

    @Override
    public void allInForce() {
        cuts.ifPresent(CutThread::cutAll);
    }

    @Override
    public void close() {
        drops.ifPresent(DropReader::close);
        cuts.ifPresent(CutThread::close);
    }
}
