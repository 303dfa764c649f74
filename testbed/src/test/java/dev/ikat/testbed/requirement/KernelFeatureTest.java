package dev.ikat.testbed.requirement;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

@RequiresRoot
final class KernelFeatureTest {
    @Test
    void vethIsAlwaysThereWhereIkatRuns() {
        assertThat(KernelFeature.VETH.missing()).isEmpty();
    }

    @Test
    void whatIsMissingSaysWhatTheKernelAnswered() {
        for (KernelFeature feature : KernelFeature.values()) {
            feature.missing().ifPresent(reason -> assertThat(reason).contains(feature.name(), "said"));
        }
    }
}
