package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class IntervalSetTest {
    private static final int WIDTH = 40;

    @Test
    void behavesAsASetOfAddressesAlsoAtBothEndsOfTheFamily() {
        Seeds.forEach(500, random -> {
            IpAddress base = random.oneOf(
                    IpAddress.parse("0.0.0.0"),
                    new IpAddress(IpFamily.IPV4, 0, 0xffff_ffffL - WIDTH + 1),
                    IpAddress.parse("::"),
                    new IpAddress(IpFamily.IPV6, 7, -WIDTH / 2),
                    new IpAddress(IpFamily.IPV6, -1, -WIDTH));
            IpAddress last = base.plus(WIDTH - 1);
            IntervalSet set = new IntervalSet();
            TreeSet<IpAddress> reference = new TreeSet<>();

            for (int step = 0; step < 60; step++) {
                change(random, base, set, reference);

                assertThat(set.count()).isEqualTo(reference.size());
                IpAddress from = base.plus(random.between(0, WIDTH - 1));
                IpAddress absent = from;
                while (reference.contains(absent) && !absent.equals(last)) {
                    absent = absent.next();
                }
                if (reference.contains(absent)) {
                    assertThat(set.firstAbsent(from, last)).isEmpty();
                } else {
                    assertThat(set.firstAbsent(from, last)).contains(absent);
                }
                assertThat(set.contains(from)).isEqualTo(reference.contains(from));
            }
        });
    }

    private static void change(Generator random, IpAddress base, IntervalSet set, Set<IpAddress> reference) {
        int first = random.between(0, WIDTH - 1);
        if (random.chance(0.4)) {
            set.remove(base.plus(first));
            reference.remove(base.plus(first));
        } else {
            int end = random.chance(0.7) ? first : random.between(first, WIDTH - 1);
            set.add(base.plus(first), base.plus(end));
            for (int i = first; i <= end; i++) {
                reference.add(base.plus(i));
            }
        }
    }
}
