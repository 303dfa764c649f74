package dev.ikat.agent.attack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every attack on a real cluster of one backend. The cluster is made once. {@code -Dikat.attack=TEXT} tries those whose
 * name has the text in it.
 */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class PodAttacks {
    private static final Duration PATIENCE = Duration.ofSeconds(3);
    private static final String CHOSEN = System.getProperty("ikat.attack", "");

    private final String[] agentArguments;
    private AttackScene scene;

    /** The attacks on agents with these options. */
    PodAttacks(String... agentArguments) {
        this.agentArguments = agentArguments.clone();
    }

    @BeforeAll
    void start() {
        scene = new AttackScene(agentArguments);
    }

    @AfterAll
    void close() {
        if (scene != null) {
            scene.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> nothingForgedArrives() {
        return Attacks.all().stream()
                .filter(attack -> attack.name().contains(CHOSEN))
                .map(attack -> DynamicTest.dynamicTest(attack.name(), () -> attack.run(scene)));
    }

    @TestFactory
    Stream<DynamicTest> nodeBelievesNothingOfTheNetwork() {
        return LinkAttack.all().stream()
                .filter(attack -> attack.name().contains(CHOSEN))
                .map(attack -> DynamicTest.dynamicTest(attack.name(), () -> attack.run(scene)));
    }

    /** The kernel has one table of neighbours for all that the machine talks to. */
    @Test
    void claimedNeighboursLeaveRoomForOthers() {
        LinkAttack.claimMany(scene);
        IpAddress fresh = scene.addToUnderlay();
        assertThat(Probe.failures(List.of(Probe.Target.icmp(scene.node().namespace(), fresh)), PATIENCE))
                .as("the node resolves an address that it has not asked for before")
                .isEmpty();
    }
}
