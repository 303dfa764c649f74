package dev.ikat.ebpf.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MaglevTableTest {
    private static final int SEEDS = 50;

    /** Any backends, each once. */
    private static List<Backend> backends(Generator random, int count) {
        Set<Backend> backends = new HashSet<>();
        while (backends.size() < count) {
            String address = random.chance(0.5)
                    ? "10.244.%d.%d".formatted(random.between(0, 255), random.between(0, 255))
                    : "fd00:10:244:%x::%x".formatted(random.between(0, 255), random.between(0, 255));
            backends.add(new Backend(IpAddress.parse(address), random.between(1, 65_535)));
        }
        return random.shuffled(new ArrayList<>(backends));
    }

    private static List<Backend> parts(List<Backend> backends) {
        return IntStream.of(MaglevTable.of(backends)).mapToObj(backends::get).toList();
    }

    @Test
    void everyBackendHasAsManyPartsGiveOrTakeOne() {
        Seeds.forEach(SEEDS, random -> {
            int count = random.between(1, 200);
            Map<Backend, Integer> parts = new HashMap<>();
            parts(backends(random, count)).forEach(backend -> parts.merge(backend, 1, Integer::sum));

            assertThat(parts).hasSize(count);
            assertThat(parts.values())
                    .allMatch(number -> number == MaglevTable.SLOTS / count || number == MaglevTable.SLOTS / count + 1);
        });
    }

    @Test
    void orderOfTheBackendsDoesNotMatter() {
        Seeds.forEach(SEEDS, random -> {
            List<Backend> backends = backends(random, random.between(1, 30));

            assertThat(parts(random.shuffled(backends))).isEqualTo(parts(backends));
        });
    }

    @Test
    void fewPartsOfTheOthersChangeWhereABackendGoes() {
        AtomicInteger moved = new AtomicInteger();
        Seeds.forEach(SEEDS, random -> {
            List<Backend> backends = backends(random, random.between(2, 20));
            List<Backend> before = parts(backends);
            List<Backend> others = backends.subList(1, backends.size());
            List<Backend> after = parts(others);

            int parts = (int) IntStream.range(0, MaglevTable.SLOTS)
                    .filter(part -> others.contains(before.get(part))
                            && !before.get(part).equals(after.get(part)))
                    .count();
            assertThat(parts).isLessThan(MaglevTable.SLOTS * 15 / 100);
            moved.addAndGet(parts);
        });
        assertThat(moved.get()).as("all of them").isLessThan(SEEDS * MaglevTable.SLOTS * 5 / 100);
    }

    /** Other versions of Ikat have to choose the same: what is computed is part of what nodes have in common. */
    @Test
    void tableIsThatOfOtherVersions() {
        List<Backend> backends = IntStream.rangeClosed(1, 3)
                .mapToObj(number -> new Backend(IpAddress.parse("10.244.1." + number), 8080))
                .toList();

        assertThat(IntStream.of(MaglevTable.of(backends)).limit(20))
                .containsExactly(2, 1, 1, 0, 1, 0, 0, 2, 2, 2, 1, 2, 1, 0, 0, 2, 2, 2, 1, 2);
    }
}
