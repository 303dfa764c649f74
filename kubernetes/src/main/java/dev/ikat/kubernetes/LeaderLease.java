package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Lease (coordination.k8s.io/v1) that one of several holds in turn, by the rules of Kubernetes' own controllers: the
 * holder renews it, and another one may take it when it was not renewed for as long as it says. Clocks need not agree:
 * what counts is how long this process has seen no change. The holder gives up before others may take over, also if the
 * API does not answer it. Thread-safe.
 */
public final class LeaderLease implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LeaderLease.class);
    private static final DateTimeFormatter MICROS =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);

    /** How long the end waits for a request under way. */
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

    private final ApiConnection api;
    private final String namespace;
    private final String name;
    private final String identity;
    private final Timing timing;
    private final Thread thread;
    private final Semaphore ended = new Semaphore(0);

    /** Of the thread alone: what the lease last said, and since when it says so. */
    private @Nullable Said seen;

    private long seenNanos;
    private String told = "";

    /** When a request was sent that renewed it; 0 before it is held. */
    private volatile long renewedNanos;

    private volatile boolean held;
    private volatile boolean closed;
    private volatile Optional<String> fault = Optional.empty();
    private volatile Optional<String> otherHolder = Optional.empty();
    private volatile Runnable taken = () -> {};

    /**
     * How long what takes.
     *
     * @param lease after which time without a renewal another one may take it
     * @param giveUp after which time without a renewal its holder is none any more; shorter than that
     * @param retry between two attempts to take or renew it
     */
    record Timing(Duration lease, Duration giveUp, Duration retry) {
        static final Timing DEFAULT = new Timing(Duration.ofSeconds(15), Duration.ofSeconds(10), Duration.ofSeconds(2));
    }

    /** What the lease says. */
    private record Said(String holder, String renewed, int seconds, String acquired, int transitions, String version) {}

    LeaderLease(ApiConnection api, String namespace, String name, String identity, Timing timing) {
        this.api = api;
        this.namespace = namespace;
        this.name = name;
        this.identity = identity;
        this.timing = timing;
        this.thread = Thread.ofPlatform().name("lease").daemon().unstarted(this::run);
    }

    /**
     * Tries to take the lease from now on, and renews it then.
     *
     * @param onTaken runs once, when it is taken
     */
    public void start(Runnable onTaken) {
        taken = onTaken;
        thread.start();
    }

    /** Whether it is held here, and nobody else can have taken it yet. */
    public boolean isHeld() {
        return held && System.nanoTime() - renewedNanos < timing.giveUp().toNanos();
    }

    /** Who else holds it, as far as is known. */
    public Optional<String> otherHolder() {
        return otherHolder;
    }

    /** Why it is not known who holds it; empty if it is. */
    public Optional<String> fault() {
        return fault;
    }

    private void run() {
        while (!closed) {
            try {
                attempt();
                fault = Optional.empty();
            } catch (ApiException | IOException e) {
                String reason = String.valueOf(e.getMessage());
                if (!fault.equals(Optional.of(reason))) {
                    LOG.atWarn()
                            .addKeyValue("lease", name())
                            .addKeyValue("error", reason)
                            .log("lease-failed");
                }
                fault = Optional.of(reason);
            } catch (InterruptedException e) {
                // Only close interrupts.
                return;
            }
            if (held && !isHeld()) {
                // Whoever holds it now, what was done in its name ends.
                LOG.atError().addKeyValue("lease", name()).log("lease-lost");
                return;
            }
            if (pauses()) {
                return;
            }
        }
    }

    /** Waits for the next attempt; returns whether there is to be none. */
    private boolean pauses() {
        try {
            return ended.tryAcquire(timing.retry().toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            return true;
        }
    }

    private String name() {
        return namespace + "/" + name;
    }

    private String path() {
        return "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases";
    }

    private void attempt() throws IOException, InterruptedException {
        Said now = read();
        if (now == null) {
            renew(null);
            return;
        }
        if (seen == null || !seen.version().equals(now.version())) {
            seen = now;
            seenNanos = System.nanoTime();
        }
        boolean isMine = now.holder().equals(identity);
        boolean isFree = now.holder().isEmpty()
                || System.nanoTime() - seenNanos
                        >= Duration.ofSeconds(now.seconds()).toNanos();
        if (!isMine && held) {
            held = false;
            renewedNanos = System.nanoTime() - timing.giveUp().toNanos();
            closed = true;
            LOG.atError()
                    .addKeyValue("lease", name())
                    .addKeyValue("holder", now.holder())
                    .log("lease-taken-by-other");
        } else if (isMine || isFree) {
            renew(now);
        } else {
            otherHolder = Optional.of(now.holder());
            if (!told.equals(now.holder())) {
                told = now.holder();
                LOG.atInfo()
                        .addKeyValue("lease", name())
                        .addKeyValue("holder", told)
                        .log("lease-held-by-other");
            }
        }
    }

    /** What the lease says; null if there is none. */
    private @Nullable Said read() throws IOException, InterruptedException {
        try (InputStream body = api.get(path() + "/" + name);
                JsonParser json = ApiConnection.JSON.createParser(body)) {
            json.nextToken();
            YamlValue lease = YamlValue.top(JsonNodes.read(json, FieldFilter.everything()));
            Optional<YamlValue> spec = lease.get("spec");
            return new Said(
                    text(spec, "holderIdentity"),
                    text(spec, "renewTime"),
                    spec.flatMap(holder -> holder.get("leaseDurationSeconds"))
                            .map(YamlValue::number)
                            .orElse((int) timing.lease().toSeconds()),
                    text(spec, "acquireTime"),
                    spec.flatMap(holder -> holder.get("leaseTransitions"))
                            .map(YamlValue::number)
                            .orElse(0),
                    ObjectFields.resourceVersion(lease));
        } catch (ApiException e) {
            if (e.code() == ApiException.NOT_FOUND) {
                return null;
            }
            throw e;
        } catch (ManifestFaultException e) {
            throw new IOException("can't read the lease " + name() + ": " + ApiObject.reasons(e.faults()), e);
        }
    }

    private static String text(Optional<YamlValue> holder, String field) {
        return holder.flatMap(value -> value.get(field)).map(YamlValue::text).orElse("");
    }

    /** Takes or renews it as it was read; null if there is none yet. */
    private void renew(@Nullable Said before) throws InterruptedException {
        long sent = System.nanoTime();
        String now = MICROS.format(Instant.now());
        int seconds = (int) Math.max(1, timing.lease().toSeconds());
        Said next;
        if (before == null) {
            next = new Said(identity, now, seconds, now, 0, "");
        } else if (held && before.holder().equals(identity)) {
            next = new Said(identity, now, seconds, before.acquired(), before.transitions(), before.version());
        } else {
            next = new Said(identity, now, seconds, now, before.transitions() + 1, before.version());
        }
        try {
            send(next);
        } catch (ApiException e) {
            if (e.code() == ApiException.CONFLICT) {
                // Somebody was quicker; the next attempt shows who.
                return;
            }
            throw e;
        }
        renewedNanos = sent;
        if (!held) {
            held = true;
            otherHolder = Optional.empty();
            LOG.atInfo()
                    .addKeyValue("lease", name())
                    .addKeyValue("holder", identity)
                    .log("lease-taken");
            taken.run();
        }
    }

    private void send(Said said) throws InterruptedException {
        if (said.version().isEmpty()) {
            api.create(path(), json(said));
        } else {
            api.replace(path() + "/" + name, json(said));
        }
    }

    private String json(Said said) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = ApiConnection.JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("apiVersion", "coordination.k8s.io/v1");
            json.writeStringField("kind", "Lease");
            json.writeObjectFieldStart("metadata");
            json.writeStringField("namespace", namespace);
            json.writeStringField("name", name);
            if (!said.version().isEmpty()) {
                json.writeStringField("resourceVersion", said.version());
            }
            json.writeEndObject();
            json.writeObjectFieldStart("spec");
            json.writeStringField("holderIdentity", said.holder());
            json.writeNumberField("leaseDurationSeconds", said.seconds());
            json.writeStringField("renewTime", said.renewed());
            json.writeStringField("acquireTime", said.acquired());
            json.writeNumberField("leaseTransitions", said.transitions());
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write JSON to memory", e);
        }
        return text.toString();
    }

    /**
     * Ends it, and gives the lease back if it is held, so that another one need not wait. To be called once started.
     */
    @Override
    public void close() {
        closed = true;
        ended.release();
        try {
            // A renewal that is under way would be in the way of the return.
            if (!thread.join(CLOSE_LIMIT)) {
                thread.interrupt();
                thread.join();
            }
            if (isHeld()) {
                held = false;
                giveBack();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void giveBack() throws InterruptedException {
        try {
            Said now = read();
            if (now != null && now.holder().equals(identity)) {
                send(new Said("", MICROS.format(Instant.now()), 1, now.acquired(), now.transitions(), now.version()));
            }
        } catch (ApiException | IOException e) {
            LOG.atWarn()
                    .addKeyValue("lease", name())
                    .addKeyValue("error", String.valueOf(e.getMessage()))
                    .log("lease-not-given-back");
        }
    }
}
