package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.random.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AddressRangeTest {
    @ParameterizedTest
    @CsvSource({
        "10.1.0.0/24, 254, 10.1.0.1, 10.1.0.254",
        "10.1.0.0/16, 65534, 10.1.0.1, 10.1.255.254",
        "10.1.0.4/30, 2, 10.1.0.5, 10.1.0.6",
        "10.1.0.4/31, 2, 10.1.0.4, 10.1.0.5",
        "10.1.0.4/32, 1, 10.1.0.4, 10.1.0.4",
        "0.0.0.0/0, 4294967294, 0.0.0.1, 255.255.255.254",
        "255.255.255.254/31, 2, 255.255.255.254, 255.255.255.255",
        "fd00::/126, 3, fd00::1, fd00::3",
        "fd00::/127, 2, fd00::, fd00::1",
        "fd00::/128, 1, fd00::, fd00::",
        "fd00::/64, 9223372036854775807, fd00::1, fd00::ffff:ffff:ffff:ffff",
        "fd00::/66, 4611686018427387903, fd00::1, fd00::3fff:ffff:ffff:ffff",
        "::/0, 9223372036854775807, ::1, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    })
    void subnetGivesAllButWhatItReserves(String subnet, long size, String lowest, String highest) {
        AddressRange range = AddressRange.of(Cidr.parse(subnet));

        assertThat(range.size()).isEqualTo(size);
        assertThat(range.contains(IpAddress.parse(lowest))).isTrue();
        assertThat(range.contains(IpAddress.parse(highest))).isTrue();
        assertThat(range.reserved().firstAbsent(range.first(), range.last())).contains(IpAddress.parse(lowest));
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.0.0, is the network address of 10.1.0.0/24",
        "10.1.0.255, is the broadcast address of 10.1.0.0/24",
        "10.1.0.1, is the gateway of 10.1.0.0/24",
        "10.1.0.17, is excluded by 10.1.0.16/28",
        "10.1.1.1, is outside the range 10.1.0.0/24",
        "fd00::1, is outside the range 10.1.0.0/24",
    })
    void addressThatIsNotGivenHasAReason(String address, String reason) {
        AddressRange range = AddressRange.of(Cidr.parse("10.1.0.0/24"))
                .excluding(Cidr.parse("10.1.0.16/28"))
                .withGateway(IpAddress.parse("10.1.0.1"));

        assertThat(range.whyNot(IpAddress.parse(address))).contains(reason);
    }

    @Test
    void sizeMatchesCountingOneByOne() {
        Seeds.forEach(300, random -> {
            IpFamily family = random.oneOf(IpFamily.IPV4, IpFamily.IPV6);
            Cidr subnet = random.cidr(family, family.bits() - 8, family.bits() - 2);
            IpAddress one = random.addressIn(subnet);
            IpAddress other = random.addressIn(subnet);
            IpAddress first = one.compareTo(other) < 0 ? one : other;
            IpAddress last = one.compareTo(other) < 0 ? other : one;
            Set<Cidr> exclusions = Set.copyOf(random.listOf(
                    0, 4, r -> Cidr.containing(r.addressIn(subnet), r.between(family.bits() - 4, family.bits()))));
            Optional<IpAddress> gateway = random.chance(0.5) ? Optional.of(random.addressIn(subnet)) : Optional.empty();
            List<IpAddress> given = new ArrayList<>();
            for (IpAddress address = first; address.compareTo(last) <= 0; address = address.next()) {
                IpAddress candidate = address;
                boolean reserved = candidate.equals(subnet.first())
                        || (family == IpFamily.IPV4 && candidate.equals(subnet.last()))
                        || gateway.equals(Optional.of(candidate))
                        || exclusions.stream().anyMatch(exclusion -> exclusion.contains(candidate));
                if (!reserved) {
                    given.add(candidate);
                }
            }

            if (given.isEmpty()) {
                assertThatThrownBy(() -> new AddressRange(subnet, first, last, exclusions, gateway))
                        .hasMessageContaining("no address to assign");
                return;
            }
            AddressRange range = new AddressRange(subnet, first, last, exclusions, gateway);
            assertThat(range.size()).isEqualTo(given.size());
            assertThat(given).allMatch(range::contains);
            assertThat(range.reserved().firstAbsent(first, last)).contains(given.getFirst());
        });
    }

    @Test
    void partOfASubnetIsGivenWithinItsBounds() {
        AddressRange range = AddressRange.of(Cidr.parse("10.1.0.0/24"))
                .between(IpAddress.parse("10.1.0.10"), IpAddress.parse("10.1.0.19"));

        assertThat(range.size()).isEqualTo(10);
        assertThat(range).hasToString("10.1.0.0/24 (10.1.0.10 to 10.1.0.19)");
    }

    @Test
    void wrongRangesAreRefusedWithTheirReason() {
        AddressRange range = AddressRange.of(Cidr.parse("10.1.0.0/30"));

        assertThatThrownBy(() -> range.between(IpAddress.parse("10.1.0.0"), IpAddress.parse("10.1.0.4")))
                .hasMessage("the range 10.1.0.0 to 10.1.0.4 is not within its subnet 10.1.0.0/30");
        assertThatThrownBy(() -> range.between(IpAddress.parse("10.1.0.2"), IpAddress.parse("10.1.0.1")))
                .hasMessageContaining("ends before it begins");
        assertThatThrownBy(() -> range.excluding(Cidr.parse("10.2.0.0/30")))
                .hasMessage("the exclusion 10.2.0.0/30 is outside the subnet 10.1.0.0/30");
        assertThatThrownBy(() -> range.excluding(Cidr.parse("10.1.0.0/16")))
                .hasMessageContaining("no address to assign");
        assertThatThrownBy(() -> range.withGateway(IpAddress.parse("fd00::1"))).hasMessageContaining("address family");
    }

    @Test
    void planRefusesOverlapsAndEmptiness() {
        AddressRange lower = AddressRange.of(Cidr.parse("10.1.0.0/24"))
                .between(IpAddress.parse("10.1.0.1"), IpAddress.parse("10.1.0.9"));
        AddressRange upper = AddressRange.of(Cidr.parse("10.1.0.0/24"))
                .between(IpAddress.parse("10.1.0.9"), IpAddress.parse("10.1.0.20"));

        assertThatThrownBy(() -> new AddressPlan(List.of(upper, lower))).hasMessageContaining("overlap");
        assertThatThrownBy(() -> new AddressPlan(List.of())).hasMessageContaining("at least one range");
        assertThat(AddressPlan.of(Cidr.parse("fd00::/64"), Cidr.parse("10.1.0.0/24"), Cidr.parse("10.2.0.0/24"))
                        .families())
                .containsExactly(IpFamily.IPV6, IpFamily.IPV4);
    }

    @Test
    void planGoesWithoutWhatIsTakenAndIsTheSameWhereNothingIs() {
        AddressPlan plan = AddressPlan.of(Cidr.parse("10.1.0.0/24"), Cidr.parse("fd00::/64"));
        NavigableSet<IpAddress> taken =
                new TreeSet<>(List.of(IpAddress.parse("10.1.0.1"), IpAddress.parse("192.0.2.1")));

        AddressPlan left = plan.without(taken);

        assertThat(left.ranges().getFirst().whyNot(IpAddress.parse("10.1.0.1"))).contains("is excluded by 10.1.0.1/32");
        assertThat(left.ranges().getFirst().size()).isEqualTo(253);
        assertThat(left.ranges().getLast()).isEqualTo(plan.ranges().getLast());
        assertThat(plan.without(new TreeSet<>(List.of(IpAddress.parse("192.0.2.1")))))
                .isSameAs(plan);
        assertThatThrownBy(() -> AddressPlan.of(Cidr.parse("10.1.0.1/32")).without(taken))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has no address to assign");
    }
}
