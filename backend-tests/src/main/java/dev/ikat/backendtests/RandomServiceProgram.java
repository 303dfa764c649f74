package dev.ikat.backendtests;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.Target;
import dev.ikat.testbed.random.Generator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Any program for the servers of a {@link ServiceScene}. */
final class RandomServiceProgram {
    private static final Set<Cidr> PODS = Set.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd00:10:244:1::/64"));
    private static final Set<Cidr> SERVICES = Set.of(Cidr.parse("10.96.0.0/16"), Cidr.parse("fd96::/112"));
    private static final int PORT = 80;
    private static final int NODE_PORT = 30_080;
    /** Longer than the test. */
    private static final Duration AFFINITY = Duration.ofHours(3);

    private final Generator random;

    RandomServiceProgram(Generator random) {
        this.random = random;
    }

    /** All frontends that a program may have. */
    static List<Frontend> frontends() {
        List<Frontend> all = new ArrayList<>();
        for (IpFamily family : IpFamily.values()) {
            for (Protocol protocol : List.of(Protocol.TCP, Protocol.UDP)) {
                clusterIps(family).forEach(address -> all.add(new Frontend(address, protocol, PORT)));
                all.add(new Frontend(external(family), protocol, PORT));
                all.add(new Frontend(ServiceScene.nodeAddress(family), protocol, NODE_PORT));
            }
        }
        return all;
    }

    private static List<IpAddress> clusterIps(IpFamily family) {
        return switch (family) {
            case IPV4 -> List.of(IpAddress.parse("10.96.0.80"), IpAddress.parse("10.96.0.81"));
            case IPV6 -> List.of(IpAddress.parse("fd96::80"), IpAddress.parse("fd96::81"));
        };
    }

    private static IpAddress external(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "203.0.113.7" : "2001:db8:7::7");
    }

    ServiceProgram next() {
        Map<Frontend, FrontendProgram> programs = new HashMap<>();
        for (Frontend frontend : frontends()) {
            if (random.chance(0.7)) {
                programs.put(frontend, program(frontend));
            }
        }
        return new ServiceProgram(programs, PODS, SERVICES);
    }

    private FrontendProgram program(Frontend frontend) {
        IpFamily family = frontend.address().family();
        Kind kind = frontend.port() == NODE_PORT
                ? Kind.NODE_PORT
                : frontend.address().equals(external(family))
                        ? random.oneOf(Kind.EXTERNAL_IP, Kind.LOAD_BALANCER)
                        : Kind.CLUSTER_IP;
        Target inside = target(family);
        boolean alike = random.chance(0.5);
        boolean ranged = kind == Kind.LOAD_BALANCER && random.chance(0.5);
        return new FrontendProgram(
                frontend,
                new ServicePortName("shop", "web", ""),
                kind,
                inside,
                alike ? inside : target(family),
                kind != Kind.CLUSTER_IP && random.chance(0.5),
                random.chance(0.3) ? Optional.of(AFFINITY) : Optional.empty(),
                ranged ? List.of(source(family)) : List.of());
    }

    private Target target(IpFamily family) {
        if (random.chance(0.12)) {
            return Target.REJECT;
        }
        if (random.chance(0.08)) {
            return Target.DROP;
        }
        return new Target.Balance(random.listOf(
                1,
                4,
                _ -> new Backend(
                        ServiceScene.podAddress(random.oneOf(ServiceScene.SERVERS), family), ServiceScene.PORT)));
    }

    private Cidr source(IpFamily family) {
        IpAddress address = random.oneOf(
                ServiceScene.outsideAddress(family),
                ServiceScene.nodeAddress(family),
                ServiceScene.podAddress(ServiceScene.CLIENT, family));
        return Cidr.parse(address + "/" + family.bits());
    }

    /** The change that makes one of the other. */
    static ServiceChange between(ServiceProgram before, ServiceProgram after) {
        Set<Frontend> removed = new HashSet<>(before.frontends().keySet());
        removed.removeAll(after.frontends().keySet());
        return new ServiceChange(
                after.frontends().values().stream()
                        .filter(program -> !program.equals(before.frontends().get(program.frontend())))
                        .toList(),
                removed,
                Optional.empty(),
                Optional.empty());
    }
}
