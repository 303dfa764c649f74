package dev.ikat.ebpf;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.service.EbpfServices;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * eBPF, which enforces policies, and translates connections of pods and of the node itself to services, and some of
 * those from outside, for as long as it enforces policies too; masquerade, the source guard and all other connections
 * to services are left to netfilter. Thread-safe.
 */
public final class EbpfDataplane implements Dataplane {
    private static final Logger LOG = LoggerFactory.getLogger(EbpfDataplane.class);

    private final EbpfServices.Programs programs = new EbpfServices.Programs() {
        @Override
        public void follow() {
            opened.ifPresent(EbpfBackend::followServices);
        }

        @Override
        public void leaveTranslated() {
            opened.ifPresent(EbpfBackend::leaveTranslated);
        }
    };
    private final NetworkNamespace namespace;
    private final EbpfSettings settings;
    private final Optional<Consumer<LoggedPacket>> events;
    private final Optional<Path> group;
    private final Outside outside;
    private final Dataplane rest;
    private volatile Optional<EbpfBackend> opened = Optional.empty();
    private volatile Optional<EbpfServices> services = Optional.empty();

    /**
     * Works in a network namespace.
     *
     * @param namespace has to stay open until this and what it opened are closed
     * @param events receives drops, as with {@link EbpfBackend}; empty for no reports
     * @param group the control group that the node's processes are in; empty if there is none
     * @param outside how connections from outside the cluster are served
     * @param rest has the part of services that is not eBPF's
     */
    public EbpfDataplane(
            NetworkNamespace namespace,
            EbpfSettings settings,
            Optional<Consumer<LoggedPacket>> events,
            Optional<Path> group,
            Outside outside,
            Dataplane rest) {
        this.group = group;
        this.outside = outside;
        this.rest = rest;
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
        return EnumSet.of(Capability.POLICY, Capability.SERVICES);
    }

    @Override
    public PolicyBackend policy() {
        EbpfBackend backend = new EbpfBackend(namespace, settings, outside::uplink, events);
        backend.beforeTranslating(() -> services.ifPresent(EbpfServices::takeOverClients));
        backend.aroundHandOver(() -> services.ifPresent(EbpfServices::handOverClients));
        opened = Optional.of(backend);
        return backend;
    }

    @Override
    public ServiceBackend services() {
        EbpfServices made = new EbpfServices(
                namespace,
                settings::limit,
                group.map(top -> new EbpfServices.Sockets(top, settings.flowLimit())),
                outside,
                rest,
                programs);
        services = Optional.of(made);
        return made;
    }

    @Override
    public List<StickyClient> stickyClients(ServiceProgram program) {
        return EbpfServices.stickyClients(namespace, program);
    }

    @Override
    public boolean standsOn(Dataplane other, Capability capability) {
        return capability == Capability.SERVICES && other.equals(rest);
    }

    @Override
    public void removeLeft(Capability capability, boolean inUse) {
        if (capability == Capability.SERVICES && !inUse && EbpfBackend.isPresent(namespace)) {
            EbpfServices.remove(namespace, programs);
        }
        if (capability == Capability.POLICY && !inUse && EbpfBackend.isPresent(namespace)) {
            try (PolicyBackend former = new EbpfBackend(namespace, settings, Optional::empty, Optional.empty())) {
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
        TrackedConnections.end(namespace, addresses);
    }

    @Override
    public Map<String, Double> fill() {
        Map<String, Double> fill = new HashMap<>(opened.map(EbpfBackend::fill).orElse(Map.of()));
        fill.putAll(services.map(EbpfServices::fill).orElse(Map.of()));
        return fill;
    }

    @Override
    public void close() {
        // What it opened is its callers'.
    }
}
