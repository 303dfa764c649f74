package dev.ikat.ebpf;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** eBPF, which enforces policies; masquerade and the source guard are left to netfilter. Thread-safe. */
public final class EbpfDataplane implements Dataplane {
    private static final Logger LOG = LoggerFactory.getLogger(EbpfDataplane.class);

    private final NetworkNamespace namespace;
    private final EbpfSettings settings;
    private final Optional<Consumer<LoggedPacket>> events;
    private volatile Optional<EbpfBackend> opened = Optional.empty();

    /**
     * Works in a network namespace.
     *
     * @param namespace has to stay open until this and what it opened are closed
     * @param events receives drops, as with {@link EbpfBackend}; empty for no reports
     */
    public EbpfDataplane(NetworkNamespace namespace, EbpfSettings settings, Optional<Consumer<LoggedPacket>> events) {
        this.namespace = namespace;
        this.settings = settings;
        this.events = events;
    }

    @Override
    public String name() {
        return "ebpf";
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.of(Capability.POLICY);
    }

    @Override
    public PolicyBackend policy() {
        EbpfBackend backend = new EbpfBackend(namespace, settings, events);
        opened = Optional.of(backend);
        return backend;
    }

    @Override
    public void removeLeft(Capability capability, boolean inUse) {
        if (capability == Capability.POLICY && !inUse && EbpfBackend.isPresent(namespace)) {
            try (PolicyBackend former = new EbpfBackend(namespace, settings, Optional.empty())) {
                former.remove();
            }
            LOG.atInfo()
                    .addKeyValue("capability", capability)
                    .addKeyValue("backend", "ebpf")
                    .log("former-rules-removed");
        }
    }

    @Override
    public void endConnections(Set<IpAddress> addresses) {
        EbpfBackend.endConnections(namespace, addresses);
    }

    @Override
    public Map<String, Double> fill() {
        return opened.map(EbpfBackend::fill).orElse(Map.of());
    }

    @Override
    public void close() {
        // What it opened is its callers'.
    }
}
