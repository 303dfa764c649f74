package dev.ikat.services.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Connection.Origin;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.Outcome.SourceSeen;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ServiceEvaluatorTest {
    private static final Backend BACKEND = new Backend(IpAddress.parse("10.1.0.4"), 8080);
    private static final Target BALANCE = new Target.Balance(List.of(BACKEND));

    private static Frontend at(String ip, int port) {
        return new Frontend(IpAddress.parse(ip), Protocol.TCP, port);
    }

    private static FrontendProgram frontend(
            Frontend at, Kind kind, Target inside, Target outside, boolean keepsSource, Cidr... sources) {
        return new FrontendProgram(
                at,
                new ServicePortName("shop", "web", "http"),
                kind,
                inside,
                outside,
                keepsSource,
                Optional.empty(),
                List.of(sources));
    }

    private static Outcome outcome(String source, Origin origin, Frontend to, Set<Cidr> blocks, FrontendProgram one) {
        return new ServiceEvaluator(new ServiceProgram(Map.of(one.frontend(), one), Set.of(), blocks))
                .evaluate(new Connection(IpAddress.parse(source), origin, to));
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.0.9, POD, false, CLIENT",
        "10.1.0.4, POD, false, NODE",
        "192.0.2.1, NODE, false, NODE",
        "192.0.2.9, OUTSIDE, false, NODE",
        "192.0.2.9, OUTSIDE, true, CLIENT",
    })
    void backendSeesClientOrNode(String source, Origin origin, boolean keepsSource, SourceSeen seen) {
        Frontend at = at("203.0.113.1", 80);

        Outcome outcome =
                outcome(source, origin, at, Set.of(), frontend(at, Kind.LOAD_BALANCER, BALANCE, BALANCE, keepsSource));

        assertThat(outcome)
                .isInstanceOfSatisfying(
                        Outcome.Forwarded.class,
                        forwarded -> assertThat(forwarded.routes()).containsExactly(new Outcome.Route(BACKEND, seen)));
    }

    @Test
    void originDecidesBetweenInsideAndOutside() {
        Frontend at = at("203.0.113.1", 80);
        FrontendProgram local = frontend(at, Kind.LOAD_BALANCER, BALANCE, Target.DROP, true);

        assertThat(outcome("192.0.2.9", Origin.OUTSIDE, at, Set.of(), local).why())
                .isEqualTo("shop/web:http has endpoints, but none on this node, and its traffic policy is Local");
        assertThat(outcome("192.0.2.1", Origin.NODE, at, Set.of(), local)).isInstanceOf(Outcome.Forwarded.class);
    }

    @Test
    void sourceRangesHoldForEverybody() {
        Frontend at = at("203.0.113.1", 80);
        FrontendProgram ranged = frontend(at, Kind.LOAD_BALANCER, BALANCE, BALANCE, false, Cidr.parse("192.0.2.0/24"));

        assertThat(outcome("10.1.0.9", Origin.POD, at, Set.of(), ranged)).isInstanceOf(Outcome.Dropped.class);
        assertThat(outcome("192.0.2.9", Origin.OUTSIDE, at, Set.of(), ranged)).isInstanceOf(Outcome.Forwarded.class);
    }

    @Test
    void whatNoFrontendHasIsRejectedOnlyAtAddressesOfServices() {
        FrontendProgram web = frontend(at("10.96.0.7", 80), Kind.CLUSTER_IP, BALANCE, BALANCE, false);
        Set<Cidr> blocks = Set.of(Cidr.parse("10.96.0.0/16"));

        assertThat(outcome("10.1.0.9", Origin.POD, at("10.96.0.7", 81), Set.of(), web))
                .isInstanceOf(Outcome.Rejected.class);
        assertThat(outcome("10.1.0.9", Origin.POD, at("10.96.0.8", 80), Set.of(), web))
                .isInstanceOf(Outcome.NotAService.class);
        assertThat(outcome("10.1.0.9", Origin.POD, at("10.96.0.8", 80), blocks, web))
                .isInstanceOf(Outcome.Rejected.class);
    }
}
