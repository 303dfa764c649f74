package dev.ikat.ebpf;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The service of tests, at port 80 of one address of each family. */
final class WebService {
    private WebService() {}

    static IpAddress service(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "10.96.0.80" : "fd96::80");
    }

    static FrontendProgram frontend(Protocol protocol, IpFamily family, Backend... backends) {
        return frontend(protocol, family, Optional.empty(), backends);
    }

    static FrontendProgram frontend(
            Protocol protocol, IpFamily family, Optional<Duration> affinity, Backend... backends) {
        Target target = new Target.Balance(List.of(backends));
        return new FrontendProgram(
                new Frontend(service(family), protocol, 80),
                new ServicePortName("default", "web", ""),
                Kind.CLUSTER_IP,
                target,
                target,
                false,
                affinity,
                List.of());
    }

    static ServiceProgram program(FrontendProgram... frontends) {
        Map<Frontend, FrontendProgram> all = new HashMap<>();
        Stream.of(frontends).forEach(program -> all.put(program.frontend(), program));
        return new ServiceProgram(
                all,
                Set.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd00:10:244:1::/64")),
                Set.of(Cidr.parse("10.96.0.0/16"), Cidr.parse("fd96::/112")));
    }

    /** By TCP and UDP. */
    static ServiceProgram web(IpFamily family, Backend... backends) {
        return program(frontend(Protocol.TCP, family, backends), frontend(Protocol.UDP, family, backends));
    }
}
