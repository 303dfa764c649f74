package dev.ikat.testbed.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.VXLAN, KernelFeature.BRIDGE})
final class HandMadeVxlanTest {
    @Test
    void podsReachEachOtherThroughTheDevice() {
        try (HandMadeVxlan vxlan = new HandMadeVxlan(true);
                Probe.Server _ = Probe.serve(vxlan.server(), 7000)) {
            assertThat(Probe.failures(
                            List.of(
                                    Probe.Target.icmp(vxlan.client(), vxlan.serverAddress()),
                                    Probe.Target.tcp(vxlan.client(), vxlan.serverAddress(), 7000)
                                            .withBytes(Probe.LARGE)),
                            Duration.ofSeconds(2)))
                    .isEmpty();
            assertThat(vxlan.clientNode()
                            .ipJson("-statistics", "link", "show", HandMadeVxlan.DEVICE)
                            .get(0)
                            .get("stats64")
                            .get("tx")
                            .get("packets")
                            .number())
                    .isPositive();
        }
    }
}
