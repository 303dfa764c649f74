package dev.ikat.controller.allocation;

import static dev.ikat.controller.allocation.Services.ANY;
import static dev.ikat.controller.allocation.Services.addresses;
import static dev.ikat.controller.allocation.Services.asking;
import static dev.ikat.controller.allocation.Services.dual;
import static dev.ikat.controller.allocation.Services.pool;
import static dev.ikat.controller.allocation.Services.service;
import static dev.ikat.controller.allocation.Services.sharing;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.Reported;
import dev.ikat.controller.allocation.Refusal.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AllocatorTest {
    private static final Rules RULES = new Rules("ikat.dev/lb", false, Duration.ofMinutes(5));

    private final Allocator allocator = new Allocator(RULES);
    private final Map<String, Verdict> told = new HashMap<>();
    private Set<String> unreadable = Set.of();
    private Instant now = Instant.EPOCH;

    private void add(ClusterObject... objects) {
        apply(new ClusterChange(List.of(objects), List.of(), List.of()));
    }

    private void remove(ClusterObject... objects) {
        apply(new ClusterChange(List.of(), List.of(), List.of(objects)));
    }

    private void apply(ClusterChange change) {
        allocator
                .apply(change, unreadable, now)
                .forEach(verdict -> told.put(verdict.service().name(), verdict));
    }

    private Verdict verdict(String service) {
        Verdict verdict = told.get(service);
        if (verdict == null) {
            throw new AssertionError("nothing was said of " + service);
        }
        return verdict;
    }

    private void assertHas(String service, String... expected) {
        assertThat(verdict(service).addresses()).as(service).containsExactlyElementsOf(addresses(expected));
    }

    private Refusal refusal(String service) {
        return verdict(service).refusal().orElseThrow(() -> new AssertionError(service + " is not refused"));
    }

    @Test
    void servicesGetTheLowestAddressesTheOlderFirst() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("young", 2, ANY), service("old", 1, ANY));

        assertHas("old", "192.0.2.1");
        assertHas("young", "192.0.2.2");
        assertThat(verdict("old").differs()).isTrue();
    }

    @Test
    void whatStatusesSayIsKeptAtAStart() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("old", 1, ANY), service("young", 2, ANY, "192.0.2.1"));

        assertHas("young", "192.0.2.1");
        assertHas("old", "192.0.2.2");
        assertThat(verdict("young").differs()).isFalse();
    }

    @Test
    void olderServiceKeepsAnAddressThatTwoHave() {
        add(
                pool("a", "192.0.2.1-192.0.2.9"),
                service("young", 2, ANY, "192.0.2.5"),
                service("old", 1, ANY, "192.0.2.5"));

        assertHas("old", "192.0.2.5");
        assertHas("young", "192.0.2.1");
    }

    @Test
    void addressStaysWhenABetterOneComes() {
        add(pool("b", "198.51.100.1/32"), service("web", 1, ANY));
        add(pool("a", "192.0.2.1/32"));

        assertHas("web", "198.51.100.1");
    }

    @Test
    void statusThatSomebodyElseChangedIsSetRight() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("web", 1, ANY));
        add(service("web", 1, ANY, "203.0.113.7"));

        assertHas("web", "192.0.2.1");
        assertThat(verdict("web").differs()).isTrue();
    }

    @Test
    void freedAddressIsGivenAgainOnlyWhenItIsTheLast() {
        add(pool("a", "192.0.2.1-192.0.2.3"), service("one", 1, ANY), service("two", 2, ANY));
        remove(service("one", 1, ANY));
        now = now.plusSeconds(1);
        add(service("three", 3, ANY));
        assertHas("three", "192.0.2.3");

        remove(service("two", 2, ANY));
        add(service("four", 4, ANY));
        assertHas("four", "192.0.2.1");
    }

    @Test
    void freedAddressIsLikeAnyOtherAfterAWhile() {
        add(pool("a", "192.0.2.1-192.0.2.3"), service("one", 1, ANY), service("two", 2, ANY));
        remove(service("one", 1, ANY));
        now = now.plus(RULES.coolDown());
        add(service("three", 3, ANY));

        assertHas("three", "192.0.2.1");
    }

    @Test
    void whoeverWaitsGetsWhatBecomesFree() {
        add(pool("a", "192.0.2.1/32"), service("one", 1, ANY), service("three", 3, ANY), service("two", 2, ANY));
        assertThat(refusal("two").reason()).isEqualTo(Reason.EXHAUSTED);
        assertThat(refusal("two").message()).contains("AddressPool a").contains("add addresses");
        assertThat(allocator.refused()).isEqualTo(2);

        remove(service("one", 1, ANY));

        assertHas("two", "192.0.2.1");
        assertHas("three");
        assertThat(allocator.served()).isEqualTo(1);
    }

    @Test
    void askedForAddressesAreGivenBeforeOthers() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("old", 1, ANY), service("young", 2, asking("192.0.2.1")));

        assertHas("young", "192.0.2.1");
        assertHas("old", "192.0.2.2");
    }

    @Test
    void askedForAddressOfAnotherServiceIsRefusedAndGivenWhenItIsFree() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("old", 1, ANY));
        add(service("web", 2, asking("192.0.2.1")));

        assertThat(refusal("web").reason()).isEqualTo(Reason.IN_USE);
        assertThat(refusal("web").message()).contains("Service shop/old").contains(LoadBalancerService.SHARING_KEY);
        remove(service("old", 1, ANY));
        assertHas("web", "192.0.2.1");
    }

    @Test
    void askedForAddressThatChangesIsFollowed() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("web", 1, asking("192.0.2.5")));
        add(service("web", 1, asking("192.0.2.6")));
        assertHas("web", "192.0.2.6");

        add(service("web", 1, asking("203.0.113.1")));
        assertHas("web");
        assertThat(refusal("web").reason()).isEqualTo(Reason.NOT_IN_POOL);
    }

    @Test
    void poolIsFollowedThatAServiceNames() {
        AddressPool extra = new AddressPool(
                "extra",
                pool("x", "198.51.100.1/32").addresses(),
                false,
                LabelSelector.EVERYTHING,
                LabelSelector.EVERYTHING,
                Optional.empty(),
                Reported.NOTHING);
        add(
                pool("a", "192.0.2.1-192.0.2.9"),
                extra,
                service("web", 1, Services.from("extra")),
                service("api", 2, Services.from("none")));

        assertHas("web", "198.51.100.1");
        assertThat(refusal("api").reason()).isEqualTo(Reason.UNKNOWN_POOL);
        add(service("web", 1, ANY));
        assertHas("web", "198.51.100.1");
        add(service("web", 1, Services.from("a")));
        assertHas("web", "192.0.2.1");
    }

    @Test
    void selectorsDecideWhoMayHaveWhat() {
        AddressPool pool = new AddressPool(
                "a",
                pool("x", "192.0.2.1-192.0.2.9").addresses(),
                true,
                LabelSelector.EVERYTHING,
                LabelSelector.of("team", "shop"),
                Optional.empty(),
                Reported.NOTHING);
        add(pool, service("web", 1, ANY));
        assertThat(refusal("web").reason()).isEqualTo(Reason.NOT_PERMITTED);

        add(new Namespace("shop", Labels.of("team", "shop")));
        assertHas("web", "192.0.2.1");
        add(new Namespace("shop", Labels.NONE));
        assertHas("web");
    }

    @Test
    void bothFamiliesAreGivenOrWhatThereIs() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("prefers", 1, dual(false)), service("requires", 2, dual(true)));
        assertHas("prefers", "192.0.2.1");
        assertThat(verdict("prefers").refusal()).isEmpty();
        assertHas("requires");
        assertThat(refusal("requires").message()).contains("IPv6");

        add(pool("b", "2001:db8::1-2001:db8::9"));

        assertHas("prefers", "192.0.2.1", "2001:db8::1");
        assertHas("requires", "192.0.2.2", "2001:db8::2");
    }

    @Test
    void servicesWithOneKeyShareAnAddressWhileTheirPortsDiffer() {
        add(
                pool("a", "192.0.2.1-192.0.2.9"),
                sharing(service("one", 1, ANY), "key", 80),
                sharing(service("two", 2, ANY), "key", 443),
                sharing(service("three", 3, ANY), "key", 80),
                sharing(service("four", 4, ANY), "other", 25));
        assertHas("one", "192.0.2.1");
        assertHas("two", "192.0.2.1");
        assertHas("three", "192.0.2.2");
        assertHas("four", "192.0.2.3");

        add(sharing(service("two", 2, ANY), "key", 80));
        assertHas("one", "192.0.2.1");
        assertHas("two", "192.0.2.4");
        assertThat(allocator.pools().getFirst().used()).isEqualTo(4);
    }

    @Test
    void wishThatCannotBeReadIsRefusedAndChangesNothing() {
        add(pool("a", "192.0.2.1-192.0.2.9"), service("web", 1, ANY));
        add(service(
                "web",
                1,
                new Demand(
                        ANY.loadBalancerClass(),
                        ANY.families(),
                        false,
                        List.of(),
                        Optional.empty(),
                        Optional.of("spec.loadBalancerIP: invalid IP address 'x'"))));

        assertHas("web", "192.0.2.1");
        assertThat(refusal("web").reason()).isEqualTo(Reason.INVALID_REQUEST);
    }

    @Test
    void serviceOfAnotherClassIsLeftAlone() {
        Demand other = new Demand(
                Optional.of("example.com/lb"), ANY.families(), false, List.of(), Optional.empty(), Optional.empty());
        Demand none =
                new Demand(Optional.empty(), ANY.families(), false, List.of(), Optional.empty(), Optional.empty());
        add(
                pool("a", "192.0.2.1-192.0.2.9"),
                service("other", 1, other, "192.0.2.5"),
                service("none", 2, none, "192.0.2.5"));

        assertThat(told).isEmpty();
    }

    @Test
    void serviceWithoutAClassIsServedWhereThatIsWanted() {
        Demand none =
                new Demand(Optional.empty(), ANY.families(), false, List.of(), Optional.empty(), Optional.empty());
        Allocator all = new Allocator(new Rules("ikat.dev/lb", true, Duration.ZERO));

        List<Verdict> verdicts = all.apply(
                new ClusterChange(List.of(pool("a", "192.0.2.1/32"), service("web", 1, none)), List.of(), List.of()),
                Set.of(),
                now);

        assertThat(verdicts)
                .singleElement()
                .satisfies(
                        verdict -> assertThat(verdict.addresses()).containsExactlyElementsOf(addresses("192.0.2.1")));
    }

    @Test
    void serviceThatIsNoLoadBalancersAnyMoreLosesItsAddress() {
        add(pool("a", "192.0.2.1/32"), service("web", 1, ANY), service("api", 2, ANY));
        LoadBalancerService web = service("web", 1, ANY, "192.0.2.1");
        add(new LoadBalancerService(
                "shop",
                "web",
                web.labels(),
                Optional.empty(),
                web.traffic(),
                web.ingress(),
                web.created(),
                web.uid(),
                web.resourceVersion()));

        assertHas("web");
        assertThat(verdict("web").differs()).isTrue();
        assertHas("api", "192.0.2.1");
    }

    @Test
    void poolThatOverlapsAnotherIsRefusedAndWhatWasInForceStays() {
        AddressPool former = pool("b", "198.51.100.0/28");
        add(pool("a", "192.0.2.0/28"), former, service("web", 1, Services.from("b")));
        assertHas("web", "198.51.100.0");

        add(pool("b", "192.0.2.8-192.0.2.20"));

        PoolState state = allocator.pools().getLast();
        assertThat(state.overlap())
                .contains("spec.addresses[0]: 192.0.2.8-192.0.2.20 overlaps 192.0.2.0/28 of AddressPool a; take it out"
                        + " of one of them");
        add(service("api", 2, Services.from("b")));
        assertHas("api", "198.51.100.1");

        remove(pool("a", "192.0.2.0/28"));
        assertThat(allocator.pools().getLast().overlap()).isEmpty();
        assertHas("web", "192.0.2.8");
    }

    @Test
    void poolThatWasInForceBeforeGoesFirstAtAStart() {
        Reported refused = new Reported(2, Optional.of(new ObjectCondition("Accepted", false, "Overlap", "", 2)));
        Reported accepted = new Reported(1, Optional.of(new ObjectCondition("Accepted", true, "Accepted", "", 1)));
        add(
                pool("a", 1, refused, "192.0.2.0/24"),
                pool("b", 2, accepted, "192.0.2.0/28"),
                service("kept", 1, ANY, "198.51.100.1"),
                service("web", 2, ANY));

        assertThat(allocator.pools().getFirst().overlap()).isPresent();
        assertHas("web", "192.0.2.0");
        // It may be of what the refused pool was before.
        assertHas("kept", "198.51.100.1");
    }

    @Test
    void addressesOfNoPoolStayWhileAPoolCannotBeRead() {
        unreadable = Set.of("b");
        add(pool("a", "192.0.2.1/32"), service("web", 1, ANY, "198.51.100.1"));
        assertHas("web", "198.51.100.1");

        unreadable = Set.of();
        apply(ClusterChange.NONE);
        assertHas("web", "192.0.2.1");
    }

    @Test
    void statusOfAPoolThatIsWrittenChangesNothing() {
        add(pool("a", "192.0.2.1/32"), service("web", 1, ANY));
        told.clear();
        add(pool("a", 0, new Reported(1, Optional.empty()), "192.0.2.1/32"));

        assertThat(told).isEmpty();
    }
}
