package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

final class LeaseStorePropertyTest {
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-06-01T12:00:00Z"), ZoneOffset.UTC);
    private static final List<NetworkName> NETWORKS = List.of(new NetworkName("pods"), new NetworkName("storage"));
    private static final List<AddressPlan> PLANS = List.of(
            AddressPlan.of(Cidr.parse("10.1.0.0/29"), Cidr.parse("10.1.0.16/31"), Cidr.parse("fd00:1::/125")),
            new AddressPlan(List.of(
                    AddressRange.of(Cidr.parse("fd00:1::/64")),
                    AddressRange.of(Cidr.parse("10.1.0.0/24"))
                            .excluding(Cidr.parse("10.1.0.2/31"))
                            .withGateway(IpAddress.parse("10.1.0.1"))
                            .between(IpAddress.parse("10.1.0.0"), IpAddress.parse("10.1.0.12")))),
            AddressPlan.of(Cidr.parse("10.1.0.4/30")));

    /** Two stores of one directory, opened again now and then, and the model that says what they must answer. */
    private static final class Subject implements AutoCloseable {
        private final Path directory;
        private final int maxCooling;
        private final LeaseStore[] stores = new LeaseStore[2];
        private final NaiveLeases model;

        Subject(Path directory, int maxCooling) {
            this.directory = directory;
            this.maxCooling = maxCooling;
            this.model = new NaiveLeases(
                    maxCooling, NOON.instant(), ProcessHandle.current().pid());
            for (int i = 0; i < stores.length; i++) {
                stores[i] = open();
            }
        }

        private LeaseStore open() {
            return LeaseStore.open(directory, NOON, maxCooling, 1500);
        }

        void step(Generator random) {
            LeaseStore store = stores[random.between(0, 1)];
            Attachment pod = new Attachment(
                    new ContainerId("pod-" + random.between(1, 14)), new InterfaceName(random.oneOf("eth0", "net1")));
            switch (random.between(0, 9)) {
                case 0, 1, 2, 3 -> {
                    NetworkName network = NETWORKS.get(random.chance(0.95) ? 0 : 1);
                    AddressPlan plan = random.oneOf(PLANS);
                    List<IpAddress> wishes = random.chance(0.2)
                            ? random.listOf(
                                    1,
                                    2,
                                    r -> r.addressIn(r.oneOf(Cidr.parse("10.1.0.0/28"), Cidr.parse("fd00:1::/124"))))
                            : List.of();
                    assertThat(outcome(() -> store.allocate(pod, network, Optional.empty(), plan, wishes)))
                            .isEqualTo(model.allocate(pod, network, plan, wishes));
                }
                case 4 -> assertThat(outcome(() -> store.activate(pod))).isEqualTo(model.activate(pod));
                case 5 -> assertThat(outcome(() -> store.beginRelease(pod))).isEqualTo(model.beginRelease(pod));
                case 6, 7 -> assertThat(outcome(() -> store.free(pod))).isEqualTo(model.free(pod));
                case 8 -> {
                    AddressPlan plan = random.oneOf(PLANS);
                    assertThat(store.usage(plan).stream().map(RangeUsage::leased))
                            .isEqualTo(plan.ranges().stream().map(model::leased).toList());
                }
                default -> {
                    int index = random.between(0, 1);
                    stores[index].close();
                    stores[index] = open();
                }
            }
        }

        private static Object outcome(Supplier<Object> work) {
            try {
                return work.get();
            } catch (IpamException e) {
                return e.getClass().getSimpleName();
            }
        }

        @Override
        public void close() {
            for (LeaseStore store : stores) {
                assertThat(store.leases()).containsExactlyInAnyOrderElementsOf(model.leases());
                assertThat(store.damage().damaged()).isZero();
                store.close();
            }
        }
    }

    @Test
    void anyCourseOfEventsAnswersAsTheNaiveModelDoes() {
        Seeds.forEach(40, random -> {
            try (TestDirectory directory = TestDirectory.create();
                    Subject subject = new Subject(directory.path().resolve("leases"), random.between(2, 30))) {
                for (int step = 0; step < 200; step++) {
                    subject.step(random);
                }
            }
        });
    }
}
