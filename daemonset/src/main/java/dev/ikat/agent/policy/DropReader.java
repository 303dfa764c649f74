package dev.ikat.agent.policy;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.dataplane.DropCause;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.netfilter.NetfilterLog;
import dev.ikat.netlink.netfilter.PacketHeader;
import dev.ikat.policy.program.Decision;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyView;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.Verdict;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Reads reports of the packets that policies and the source guard drop, and determines the pod and the policy of each:
 * for a metric, a log line (a few a second), and the last {@value #REMEMBERED} for the status. It explains a drop by
 * the current program, which may be a moment newer than the drop. If reading fails, it tries again, without limit.
 * Thread-safe.
 */
public final class DropReader implements AutoCloseable {
    static final int REMEMBERED = 1000;

    private static final Logger LOG = LoggerFactory.getLogger(DropReader.class);
    private static final Duration POLL = Duration.ofMinutes(1);
    private static final Duration RETRY = Duration.ofSeconds(1);
    private static final int LINES_A_SECOND = 10;

    private final PacketLog log;
    private final PolicyView policy;
    private final Function<IpAddress, Optional<ObjectKey>> pods;
    private final Clock clock;
    private final DropMetrics metrics;
    private final Deque<Drop> recent = new ArrayDeque<>();
    private final Duration retry;
    private final Thread thread;
    private final CountDownLatch closed = new CountDownLatch(1);
    /** Why reading failed last, if it did. */
    private String failure = "";

    private long second;
    private int lines;

    /**
     * Begins to read.
     *
     * @param log the group that the rules log to; closed with this
     * @param policy what is in force
     * @param pods the pod that has an address, in the whole cluster
     * @param registry serves the metrics {@code ikat_policy_drops}, {@code ikat_policy_drops_lost} and
     *     {@code ikat_policy_drops_read_errors}
     */
    public DropReader(
            NetfilterLog log,
            PolicyView policy,
            Function<IpAddress, Optional<ObjectKey>> pods,
            PrometheusRegistry registry,
            Clock clock) {
        this(PacketLog.of(log), policy, pods, registry, clock, RETRY);
    }

    DropReader(
            PacketLog log,
            PolicyView policy,
            Function<IpAddress, Optional<ObjectKey>> pods,
            PrometheusRegistry registry,
            Clock clock,
            Duration retry) {
        this.log = log;
        this.retry = retry;
        this.policy = policy;
        this.pods = pods;
        this.clock = clock;
        this.metrics = new DropMetrics(registry, log::lost);
        // No virtual thread: waiting for the kernel would hold its carrier.
        this.thread = Thread.ofPlatform().daemon().name("policy-drops").start(this::run);
    }

    private void run() {
        try {
            while (closed.getCount() > 0) {
                try {
                    log.poll(POLL).forEach(this::take);
                    failure = "";
                } catch (RuntimeException e) {
                    failed(e);
                    boolean _ = closed.await(retry.toMillis(), TimeUnit.MILLISECONDS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Drops are for people to see; policy is enforced without them. */
    private void failed(RuntimeException e) {
        if (closed.getCount() == 0) {
            return;
        }
        metrics.failed();
        if (!failure.equals(e.toString())) {
            LOG.atWarn().addKeyValue("error", e.getMessage()).setCause(e).log("policy-drops-unread");
        }
        failure = e.toString();
    }

    /** Reports what a packet's prefix says that became of it. */
    void take(LoggedPacket packet) {
        if (packet.prefix().equals(DropCause.ACCEPTED)) {
            packet.header().ifPresent(header -> tellAccepted(flow(header)));
            return;
        }
        explain(packet, policy, pods, clock.instant()).ifPresent(this::report);
    }

    private void tellAccepted(Flow flow) {
        if (LOG.isInfoEnabled()) {
            line(accepted(flow, policy, pods)).log("policy-accept");
        }
    }

    private static LoggingEventBuilder line(Map<String, String> pairs) {
        LoggingEventBuilder line = LOG.atInfo();
        for (Map.Entry<String, String> pair : pairs.entrySet()) {
            line = line.addKeyValue(pair.getKey(), pair.getValue());
        }
        return line;
    }

    private synchronized void report(Drop drop) {
        metrics.count(drop);
        synchronized (recent) {
            if (recent.size() == REMEMBERED) {
                recent.removeFirst();
            }
            recent.addLast(drop);
        }
        long now = drop.at().getEpochSecond();
        if (now != second) {
            second = now;
            lines = 0;
        }
        if (lines++ < LINES_A_SECOND) {
            line(drop.pairs()).log("policy-drop");
        }
    }

    /** What was dropped; empty if it was no packet of ours, or none that can be read. */
    static Optional<Drop> explain(
            LoggedPacket packet, PolicyView policy, Function<IpAddress, Optional<ObjectKey>> pods, Instant now) {
        DropCause cause = DropCause.of(packet.prefix()).orElse(null);
        PacketHeader header = packet.header().orElse(null);
        if (cause == null || header == null) {
            return Optional.empty();
        }
        Flow flow = flow(header);
        boolean sender = cause == DropCause.EGRESS || cause == DropCause.SPOOFED || cause == DropCause.TUNNEL_FROM_POD;
        IpAddress own = sender ? flow.source() : flow.destination();
        IpAddress peer = sender ? flow.destination() : flow.source();
        Optional<ObjectKey> pod = cause == DropCause.SPOOFED ? Optional.empty() : podOf(own, policy, pods);
        return Optional.of(new Drop(
                packet.received().orElse(now),
                cause,
                flow,
                pod,
                peer,
                podOf(peer, policy, pods),
                policies(cause, policy.evaluate(flow))));
    }

    /** Whose connection was accepted, and by which rules: as pairs for the log, in their order. */
    static SequencedMap<String, String> accepted(
            Flow flow, PolicyView policy, Function<IpAddress, Optional<ObjectKey>> pods) {
        SequencedMap<String, String> pairs = new LinkedHashMap<>();
        pairs.put("flow", flow.toString());
        pairs.put("from", podOf(flow.source(), policy, pods).map(Drop::name).orElse("unknown"));
        pairs.put("to", podOf(flow.destination(), policy, pods).map(Drop::name).orElse("unknown"));
        pairs.put("verdict", policy.evaluate(flow).toString());
        return pairs;
    }

    private static Flow flow(PacketHeader header) {
        return new Flow(header.source(), header.destination(), header.protocol(), header.destinationPort());
    }

    private static Optional<ObjectKey> podOf(
            IpAddress address, PolicyView policy, Function<IpAddress, Optional<ObjectKey>> pods) {
        return policy.endpoint(address).flatMap(Endpoint::pod).or(() -> pods.apply(address));
    }

    private static List<ObjectKey> policies(DropCause cause, Verdict verdict) {
        Optional<Decision> decision = switch (cause) {
            case INGRESS -> verdict.ingress();
            case EGRESS -> verdict.egress();
            case SPOOFED, CLOSED, TUNNEL_FROM_POD, TUNNEL_FROM_STRANGER, SPOOFED_BLOCK -> Optional.empty();
        };
        return decision.filter(made -> !made.accepted())
                .map(made -> made.rule().map(RuleId::policy).map(List::of).orElse(made.isolatedBy()))
                .orElse(List.of());
    }

    /** The last drops, the oldest first. */
    List<Drop> recent() {
        synchronized (recent) {
            return List.copyOf(recent);
        }
    }

    /** Ends reading. */
    @Override
    public void close() {
        closed.countDown();
        log.close();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
