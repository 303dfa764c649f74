package dev.ikat.backendtests;

import dev.ikat.dataplane.AcceptanceState;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.FilterTable;
import dev.ikat.dataplane.FirewallAcceptance;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A dataplane in memory, for tests that need no packets; it passes the contract of the real ones. What it has in force
 * is in the kernel that it was created with, whichever object put it there.
 */
public final class FakeDataplane implements Dataplane {
    private final FakeKernel kernel;
    private final String name;
    private final Set<Capability> capabilities;
    private final List<Set<IpAddress>> ended = new ArrayList<>();
    private Optional<String> missing = Optional.empty();
    private Map<String, Double> fill = Map.of();
    private Optional<Dataplane> base = Optional.empty();
    private boolean watched;
    private boolean closed;

    /** @param name by which the kernel distinguishes it from other dataplanes */
    public FakeDataplane(FakeKernel kernel, String name, Set<Capability> capabilities) {
        this.kernel = kernel;
        this.name = name;
        this.capabilities = EnumSet.copyOf(capabilities);
    }

    /** A dataplane with all capabilities. */
    public FakeDataplane(FakeKernel kernel, String name) {
        this(kernel, name, EnumSet.allOf(Capability.class));
    }

    /** This host can't use it, for this reason. */
    public FakeDataplane missing(String reason) {
        missing = Optional.of(reason);
        return this;
    }

    /** The kernel notifies of others' changes to it. */
    public FakeDataplane watched() {
        watched = true;
        return this;
    }

    /** Its services include those of this one. */
    public FakeDataplane standingOn(Dataplane other) {
        base = Optional.of(other);
        return this;
    }

    /** Its tables are this full. */
    public FakeDataplane filled(Map<String, Double> tables) {
        fill = Map.copyOf(tables);
        return this;
    }

    /** The addresses whose connections were ended, by the call. */
    public List<Set<IpAddress>> ended() {
        return List.copyOf(ended);
    }

    /** Whether it was closed. */
    public boolean isClosed() {
        return closed;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.copyOf(capabilities);
    }

    @Override
    public Optional<String> missing() {
        return missing;
    }

    private void require(Capability capability) {
        if (!capabilities.contains(capability)) {
            throw new UnsupportedOperationException(name + " does not have " + capability);
        }
        missing.ifPresent(reason -> {
            throw new IllegalStateException(reason);
        });
    }

    @Override
    public boolean standsOn(Dataplane other, Capability capability) {
        return capability == Capability.SERVICES && base.equals(Optional.of(other));
    }

    @Override
    public PolicyBackend policy() {
        require(Capability.POLICY);
        return new FakePolicyBackend(kernel, name);
    }

    @Override
    public Masquerading masquerading() {
        require(Capability.MASQUERADE);
        return new Masquerading() {
            @Override
            public Outcome reconcile(MasqueradeState state) {
                if (kernel.masquerade(name).equals(Optional.of(state))) {
                    return Outcome.UNCHANGED;
                }
                kernel.put(name, state);
                return Outcome.REPAIRED;
            }

            @Override
            public void remove() {
                kernel.remove(name, Capability.MASQUERADE);
            }
        };
    }

    @Override
    public SourceGuard guard() {
        require(Capability.GUARD);
        return new SourceGuard() {
            @Override
            public boolean reconcile(GuardState state) {
                if (kernel.guard(name).equals(Optional.of(state))) {
                    return false;
                }
                kernel.put(name, state);
                return true;
            }

            @Override
            public void remove() {
                kernel.remove(name, Capability.GUARD);
            }
        };
    }

    @Override
    public FirewallAcceptance acceptance() {
        require(Capability.ACCEPTANCE);
        return new FirewallAcceptance() {
            @Override
            public boolean reconcile(AcceptanceState state) {
                if (kernel.acceptance(name).equals(Optional.of(state))) {
                    return false;
                }
                kernel.put(name, state);
                return true;
            }

            @Override
            public List<FilterTable> tables() {
                return List.of();
            }

            @Override
            public void remove() {
                kernel.remove(name, Capability.ACCEPTANCE);
            }
        };
    }

    @Override
    public ServiceBackend services() {
        require(Capability.SERVICES);
        return new ServiceBackend() {
            @Override
            public void replace(ServiceProgram program, Collection<StickyClient> clients) {
                kernel.put(name, program);
                adopt(clients);
            }

            @Override
            public void adopt(Collection<StickyClient> clients) {
                clients.forEach(client -> kernel.stick(name, client));
            }

            @Override
            public void apply(ServiceChange change) {
                kernel.put(name, change.applyTo(inForce()));
            }

            private ServiceProgram inForce() {
                return kernel.serviceProgram(name).orElse(ServiceProgram.EMPTY);
            }

            @Override
            public List<String> audit(ServiceProgram program) {
                return kernel.serviceProgram(name).equals(Optional.of(program))
                        ? List.of()
                        : List.of("other services are in force");
            }

            @Override
            public void remove() {
                kernel.remove(name, Capability.SERVICES);
            }

            @Override
            public void close() {
                // The kernel keeps what is in force.
            }
        };
    }

    @Override
    public List<StickyClient> stickyClients(ServiceProgram program) {
        return kernel.stickyClients(name);
    }

    @Override
    public void removeLeft(Capability capability, boolean inUse) {
        if (!inUse && missing.isEmpty()) {
            kernel.remove(name, capability);
        }
    }

    @Override
    public boolean isWatched() {
        return watched;
    }

    @Override
    public boolean isGone() {
        return EnumSet.allOf(Capability.class).stream()
                .noneMatch(capability -> kernel.kinds(capability).contains(name));
    }

    @Override
    public void endConnections(Set<IpAddress> addresses) {
        kernel.requireAccepted(name);
        ended.add(addresses);
    }

    @Override
    public Map<String, Double> fill() {
        return fill;
    }

    @Override
    public void close() {
        closed = true;
    }
}
