package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.dataplane.Capability;
import dev.ikat.policy.program.PolicyProgram;
import java.util.EnumSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

final class FakeDataplaneTest extends DataplaneContract {
    private final FakeKernel kernel = new FakeKernel();

    @BeforeEach
    void open() {
        dataplane = new FakeDataplane(kernel, "fake");
    }

    @Override
    protected String state() {
        return kernel.toString();
    }

    @Test
    void whatSomebodyFlushedIsGone() {
        dataplane.policy().replace(PolicyProgram.EMPTY);
        assertThat(dataplane.isGone()).isFalse();
        kernel.flush("fake");
        assertThat(dataplane.isGone()).isTrue();
    }

    /** One that enforces policies and nothing else. */
    @Nested
    final class OfPoliciesAlone extends DataplaneContract {
        @BeforeEach
        void open() {
            dataplane = new FakeDataplane(kernel, "fake", EnumSet.of(Capability.POLICY));
        }

        @Override
        protected String state() {
            return kernel.toString();
        }
    }
}
