package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Pod;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PodAddressesTest {
    private static final IpAddress ADDRESS = IpAddress.parse("10.244.1.2");

    private final PodAddresses addresses = new PodAddresses();

    private static Pod pod(String name, Pod.Phase phase, IpAddress... ips) {
        return new Pod("shop", name, Labels.NONE, Optional.empty(), List.of(ips), false, phase, List.of());
    }

    private static ClusterChange added(List<ClusterObject> pods) {
        return new ClusterChange(pods, List.of(), List.of());
    }

    private Optional<String> owner() {
        return addresses.pod(ADDRESS).map(Object::toString);
    }

    @Test
    void addressIsThePodsThatHasItNow() {
        Pod old = pod("old", Pod.Phase.RUNNING, ADDRESS);
        Pod ended = pod("old", Pod.Phase.SUCCEEDED, ADDRESS);
        Pod successor = pod("new", Pod.Phase.RUNNING, ADDRESS);
        addresses.changed(added(List.of(old)));
        assertThat(owner()).contains("Pod shop/old");

        addresses.changed(new ClusterChange(List.of(), List.of(new ClusterChange.Update(old, ended)), List.of()));
        assertThat(owner()).isEmpty();
        addresses.changed(added(List.of(successor)));
        addresses.changed(new ClusterChange(List.of(), List.of(), List.of(ended)));
        assertThat(owner()).as("the former's end is not the successor's").contains("Pod shop/new");

        addresses.changed(new ClusterChange(List.of(), List.of(), List.of(successor)));
        assertThat(owner()).isEmpty();
    }

    @Test
    void addressIsStillAPodsWhenAnotherThatIsSaidToHaveItGoes() {
        Pod first = pod("first", Pod.Phase.RUNNING, ADDRESS);
        Pod second = pod("second", Pod.Phase.RUNNING, ADDRESS);
        Pod third = pod("third", Pod.Phase.RUNNING, ADDRESS);
        addresses.changed(added(List.of(first, second, third)));
        assertThat(owner()).contains("Pod shop/third");

        addresses.changed(new ClusterChange(List.of(), List.of(), List.of(third)));
        assertThat(owner()).contains("Pod shop/first");
        addresses.changed(new ClusterChange(List.of(), List.of(), List.of(second)));
        assertThat(owner()).contains("Pod shop/first");

        addresses.changed(new ClusterChange(List.of(), List.of(), List.of(first)));
        assertThat(owner()).isEmpty();
    }

    @Test
    void addressTakesAtMost50BytesBesideItsPod() throws InterruptedException {
        List<ClusterObject> pods = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            pods.add(pod(
                    "pod-" + i,
                    Pod.Phase.RUNNING,
                    IpAddress.v4(0x0a00_0000 + i),
                    new IpAddress(IpFamily.IPV6, 0xfd00L << 48, i)));
        }
        long before = heapInUse();

        addresses.changed(added(pods));

        assertThat((heapInUse() - before) / (2.0 * pods.size()))
                .as("bytes an address")
                .isBetween(10.0, 50.0);
        assertThat(addresses.pod(IpAddress.v4(0x0a00_0001)))
                .map(Object::toString)
                .contains("Pod shop/pod-1");
    }

    private static long heapInUse() throws InterruptedException {
        for (int i = 0; i < 2; i++) {
            System.gc();
            Thread.sleep(50);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
