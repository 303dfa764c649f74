package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class FrontendChainsTest {
    private static final ServiceNames NAMES = new ServiceNames('b');
    private static final Frontend FRONTEND = new Frontend(IpAddress.parse("10.96.0.80"), Protocol.TCP, 80);

    private static Target.Balance balance(int count) {
        return new Target.Balance(IntStream.rangeClosed(1, count)
                .mapToObj(number -> new Backend(IpAddress.parse("10.244.1." + number), 8080))
                .toList());
    }

    private static FrontendChains chains(Target inside, Target outside, Optional<Duration> affinity) {
        FrontendProgram program = new FrontendProgram(
                FRONTEND,
                new ServicePortName("shop", "web", "http"),
                Kind.CLUSTER_IP,
                inside,
                outside,
                false,
                affinity,
                List.of());
        return FrontendChains.of(program, Set.of(Cidr.parse("10.244.1.0/31")), NAMES);
    }

    @Test
    void eachBackendIsDrawnFromThoseThatAreLeft() {
        FrontendChains web = chains(balance(3), balance(3), Optional.empty());

        String chain = ServiceNames.chain(FRONTEND);
        assertThat(web.chains().get(chain))
                .containsExactly(
                        "-m set ! --match-set ikatsvc4b-pods src -j MARK --set-xmark 0x4000/0x4000",
                        "-p tcp -m statistic --mode random --probability 0.33333333349 -j DNAT --to-destination"
                                + " 10.244.1.1:8080",
                        "-p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination"
                                + " 10.244.1.2:8080",
                        "-p tcp -j DNAT --to-destination 10.244.1.3:8080");
        assertThat(web.rule())
                .contains(
                        "-d 10.96.0.80/32 -p tcp -m tcp --dport 80 -m comment --comment \"shop/web:http\" -g " + chain);
        assertThat(web.members())
                .extracting(member -> member.set() + " " + member.entry())
                .containsExactlyInAnyOrder(
                        "FRONTENDS 10.96.0.80,tcp:80",
                        "ADDRESSES 10.96.0.80",
                        "HAIRPIN 10.244.1.1,tcp:8080,10.244.1.1");
    }

    @Test
    void frontendWithoutBackendsHasNoChains() {
        FrontendChains web = chains(Target.REJECT, Target.DROP, Optional.empty());

        assertThat(web.chains()).isEmpty();
        assertThat(web.rule()).isEmpty();
        assertThat(web.members())
                .extracting(ServiceMember::set)
                .containsExactlyInAnyOrder(ServiceSet.UNSERVED, ServiceSet.DROPPED_OUTSIDE, ServiceSet.ADDRESSES);
    }

    @Test
    void backendsRememberTheirClientsForInsideAndOutsideSeparately() {
        FrontendChains web = chains(balance(2), balance(1), Optional.of(Duration.ofHours(3)));

        assertThat(web.clients()).hasSize(3).allMatch(name -> name.matches(ServiceNames.SETS) && name.length() <= 31);
        assertThat(web.chains()).hasSize(5);
        assertThat(web.chains().keySet()).allMatch(name -> ServiceChains.owns(name) && name.length() <= 28);
    }
}
