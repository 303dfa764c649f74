package dev.ikat.ebpf.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.model.IpAddress;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TableTest {
    @ParameterizedTest
    @CsvSource({"0, 4096", "2048, 4096", "2049, 8192", "50000, 131072", "600000, 1048576", "2000000, 1048576"})
    void hashHasRoomForAsManyAgainWithinItsLimit(int rows, int capacity) {
        assertThat(Table.MEMBERS.capacity(rows, 1 << 20)).isEqualTo(capacity);
    }

    @Test
    void limitBelowTheLeastIsKept() {
        assertThat(Table.ADDRESSES.capacity(0, 4)).isEqualTo(4);
    }

    @Test
    void limitsAreOfTablesThatThereAre() {
        assertThat(EbpfSettings.usualLimits()).containsKeys("members", "connections");
        assertThatThrownBy(() -> new EbpfSettings(true, true, true, 0, Map.of("membres", 10)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("membres=10")
                .hasMessageContaining("members");
        assertThatThrownBy(() -> new EbpfSettings(true, true, true, 0, Map.of("members", 0)))
                .hasMessageContaining("members=0");
    }

    @Test
    void keysOfNeighbouringAddressesDoNotCollide() {
        Set<Integer> hashes = new HashSet<>();
        for (int i = 0; i < 50_000; i++) {
            hashes.add(Layout.address(IpAddress.v4((11 << 24) + ((i / 50) << 14) + i % 50))
                    .hashCode());
        }
        // Of so many random numbers of 32 bits, one has a twin.
        assertThat(hashes).hasSizeGreaterThan(49_990);
    }
}
