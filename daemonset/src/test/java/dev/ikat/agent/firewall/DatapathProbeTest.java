package dev.ikat.agent.firewall;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressRange;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@RequiresRoot
class DatapathProbeTest {
    private static final AddressPlan PLAN = new AddressPlan(
            List.of(AddressRange.of(Cidr.parse("10.244.1.0/24")), AddressRange.of(Cidr.parse("fd00::/64"))));

    private final List<String> asked = new ArrayList<>();

    /** Wires nothing, so that no packet passes, whatever was asked for. */
    private CniResponse plugin(CniRequest request) {
        asked.add(new String(request.stdin(), UTF_8));
        return new CniResponse(0, new byte[0]);
    }

    private void find(Set<IpAddress> claimed) {
        new DatapathProbe(this::plugin, claimed::contains, () -> false).find(PLAN, 1500, List.of());
    }

    @Test
    void addressesThatAPodIsSaidToHaveAreLeftOut() {
        find(Set.of(IpAddress.parse("10.244.1.254"), IpAddress.parse("fd00::ffff:ffff:ffff:fffd")));

        assertThat(asked.getFirst()).contains("10.244.1.252", "fd00::ffff:ffff:ffff:fffc");
        assertThat(asked).noneMatch(text -> text.contains("10.244.1.254"));
    }

    @Test
    void nothingIsWiredWherePodsAreSaidToHaveAllOfThem() {
        find(Set.copyOf(IntStream.rangeClosed(200, 255)
                .mapToObj(last -> IpAddress.parse("10.244.1." + last))
                .toList()));

        assertThat(asked).isEmpty();
    }
}
