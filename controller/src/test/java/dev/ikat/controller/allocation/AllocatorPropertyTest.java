package dev.ikat.controller.allocation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.LoadBalancerService.Port;
import dev.ikat.cluster.LoadBalancerService.Traffic;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Reported;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Random histories, after each step of which every service has what the naive allocator says. */
class AllocatorPropertyTest {
    private static final Rules RULES = new Rules("ikat.dev/lb", true, Duration.ofSeconds(4));
    private static final int STEPS = 40;

    private final Map<String, ClusterObject> present = new LinkedHashMap<>();

    @Test
    void everyServiceHasWhatTheRulesSay() {
        Seeds.forEach(400, random -> {
            present.clear();
            Allocator allocator = new Allocator(RULES);
            NaiveAllocator naive = new NaiveAllocator(RULES);
            Map<String, List<IpAddress>> told = new HashMap<>();
            Instant now = Instant.EPOCH;
            for (int step = 0; step < STEPS; step++) {
                now = now.plusSeconds(random.between(0, 2));
                ClusterChange change = change(random);
                for (Verdict verdict : allocator.apply(change, Set.of(), now)) {
                    told.put(
                            verdict.service().namespace() + "/"
                                    + verdict.service().name(),
                            verdict.addresses());
                }
                change.removed().forEach(object -> told.remove(object.namespace() + "/" + object.name()));
                List<ClusterObject> news = new ArrayList<>(change.added());
                change.updated().forEach(update -> news.add(update.after()));
                naive.step(change.removed(), news, now);
                told.values().removeIf(List::isEmpty);
                Map<String, List<IpAddress>> expected = new HashMap<>(naive.held);
                expected.values().removeIf(List::isEmpty);
                assertThat(told).as("after step %d, %s", step, change).isEqualTo(expected);
            }
        });
    }

    private ClusterChange change(Generator random) {
        List<ClusterObject> added = new ArrayList<>();
        List<ClusterChange.Update> updated = new ArrayList<>();
        List<ClusterObject> removed = new ArrayList<>();
        List<String> touched = new ArrayList<>();
        int count = random.chance(0.1) ? 12 : random.between(1, 3);
        for (int i = 0; i < count; i++) {
            ClusterObject object = random.chance(0.75)
                    ? service(random)
                    : random.chance(0.7)
                            ? pool(random)
                            : new Namespace(
                                    "n" + random.between(0, 2),
                                    random.chance(0.5) ? Labels.of("team", "shop") : Labels.NONE);
            String key = object.key().toString();
            if (touched.contains(key)) {
                continue;
            }
            touched.add(key);
            ClusterObject before = present.get(key);
            if (before != null && random.chance(0.3)) {
                present.remove(key);
                removed.add(before);
            } else if (before == null) {
                present.put(key, object);
                added.add(object);
            } else if (!before.equals(object)) {
                present.put(key, object);
                updated.add(new ClusterChange.Update(before, object));
            }
        }
        return new ClusterChange(added, updated, removed);
    }

    /** Pools never overlap: each has a range of its own. */
    private static AddressPool pool(Generator random) {
        int number = random.between(0, 2);
        List<AddressBlock> blocks = new ArrayList<>();
        if (random.chance(0.8)) {
            blocks.add(AddressBlock.parse("192.0." + number + ".1-192.0." + number + "." + random.between(1, 4)));
        }
        if (random.chance(0.3)) {
            blocks.add(AddressBlock.parse("192.0." + number + ".8/31"));
        }
        if (blocks.isEmpty() || random.chance(0.5)) {
            blocks.add(AddressBlock.parse("2001:db8:" + number + "::1-2001:db8:" + number + "::3"));
        }
        return new AddressPool(
                "p" + number,
                blocks,
                random.chance(0.8),
                random.chance(0.7) ? LabelSelector.EVERYTHING : LabelSelector.of("tier", "front"),
                random.chance(0.7) ? LabelSelector.EVERYTHING : LabelSelector.of("team", "shop"),
                Optional.empty(),
                Reported.NOTHING);
    }

    private static LoadBalancerService service(Generator random) {
        int number = random.between(0, 11);
        Optional<Demand> demand = random.chance(0.1) ? Optional.empty() : Optional.of(demand(random));
        Traffic traffic = new Traffic(
                random.chance(0.4) ? Optional.of("key" + random.between(0, 1)) : Optional.empty(),
                Set.of(new Port(Protocol.TCP, random.between(80, 82))),
                random.chance(0.2),
                random.chance(0.5) ? Labels.of("app", "web") : Labels.NONE);
        return new LoadBalancerService(
                "n" + number % 3,
                "s" + number,
                random.chance(0.6) ? Labels.of("tier", "front") : Labels.NONE,
                demand,
                traffic,
                random.chance(0.3) ? List.of(address(random)) : List.of(),
                number == 5 ? Optional.empty() : Optional.of(Instant.ofEpochSecond(number * 7 % 5)),
                "",
                "");
    }

    private static IpAddress address(Generator random) {
        return IpAddress.parse(
                random.chance(0.7)
                        ? "192.0." + random.between(0, 2) + "." + random.between(1, 9)
                        : "2001:db8:" + random.between(0, 2) + "::" + random.between(1, 4));
    }

    private static Demand demand(Generator random) {
        List<IpFamily> families = random.oneOf(List.of(
                List.of(IpFamily.IPV4),
                List.of(IpFamily.IPV4),
                List.of(IpFamily.IPV6),
                List.of(IpFamily.IPV4, IpFamily.IPV6),
                List.of(IpFamily.IPV6, IpFamily.IPV4)));
        List<IpAddress> asked = new ArrayList<>();
        if (random.chance(0.25)) {
            IpAddress address = address(random);
            if (families.contains(address.family())) {
                asked.add(address);
            }
        }
        return new Demand(
                random.oneOf(List.of(Optional.of("ikat.dev/lb"), Optional.<String>empty(), Optional.of("other"))),
                families,
                families.size() == 2 && random.chance(0.5),
                asked,
                random.chance(0.15) ? Optional.of("p" + random.between(0, 2)) : Optional.empty(),
                Optional.empty());
    }
}
