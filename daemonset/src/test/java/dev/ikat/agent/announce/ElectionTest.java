package dev.ikat.agent.announce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ElectionTest {
    private static final List<IpAddress> ADDRESSES = Stream.concat(
                    IntStream.range(0, 1000)
                            .mapToObj(i -> IpAddress.parse("192.0.2.0").plus(i)),
                    IntStream.range(0, 1000)
                            .mapToObj(i -> IpAddress.parse("2001:db8::").plus(i)))
            .toList();

    private static List<String> nodes(int count) {
        return IntStream.range(0, count).mapToObj(i -> "worker-" + i).toList();
    }

    private static Map<IpAddress, String> owners(List<String> nodes) {
        Map<IpAddress, String> owners = new HashMap<>();
        ADDRESSES.forEach(
                address -> owners.put(address, Election.first(nodes, address).orElseThrow()));
        return owners;
    }

    @Test
    void withoutNodesThereIsNone() {
        assertThat(Election.first(List.of(), ADDRESSES.getFirst())).isEmpty();
    }

    @Test
    void orderOfTheNodesDoesNotMatter() {
        assertThat(owners(nodes(9).reversed())).isEqualTo(owners(nodes(9)));
    }

    @Test
    void neighbouringAddressesAreSpreadEvenly() {
        for (int count : new int[] {2, 3, 10, 50}) {
            Map<String, Integer> shares = new HashMap<>();
            owners(nodes(count)).values().forEach(owner -> shares.merge(owner, 1, Integer::sum));

            // Five standard deviations of a binomial distribution.
            double mean = (double) ADDRESSES.size() / count;
            double bound = 5 * Math.sqrt(mean);
            assertThat(shares).hasSize(count);
            assertThat(shares.values())
                    .allSatisfy(share -> assertThat((double) share).isBetween(mean - bound, mean + bound));
        }
    }

    @Test
    void onlyAddressesOfANodeThatGoesMove() {
        List<String> all = nodes(7);
        Map<IpAddress, String> before = owners(all);
        List<String> left = new ArrayList<>(all);
        left.remove("worker-3");
        Map<IpAddress, String> after = owners(left);

        before.forEach((address, owner) -> {
            if (!owner.equals("worker-3")) {
                assertThat(after).containsEntry(address, owner);
            }
        });
        assertThat(before.entrySet().stream()
                        .filter(entry -> entry.getValue().equals("worker-3"))
                        .map(entry -> after.get(entry.getKey()))
                        .distinct())
                .as("who takes them over")
                .hasSize(6);
    }

    @Test
    void resultIsTheSameOnEachVersionOfTheAgent() {
        assertThat(Stream.of("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2")
                        .map(text ->
                                Election.first(nodes(5), IpAddress.parse(text)).orElseThrow()))
                .containsExactly("worker-4", "worker-1", "worker-4", "worker-3", "worker-0");
    }
}
