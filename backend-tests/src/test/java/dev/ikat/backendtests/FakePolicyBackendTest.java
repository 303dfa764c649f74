package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyProgram;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class FakePolicyBackendTest extends ProgramContract {
    private static final Flow FRIENDS = Flow.of(v4(2), v4(1), Protocol.TCP, 80);
    private static final Flow STRANGERS = Flow.of(v4(3), v4(1), Protocol.TCP, 80);

    private final FakeKernel kernel = new FakeKernel();

    @BeforeEach
    void open() {
        backend = new FakePolicyBackend(kernel, "fake");
    }

    @Override
    protected String state() {
        return kernel.toString();
    }

    @Test
    void packetPassesWhatEveryProgramLetsPass() {
        backend.replace(ingress(List.of(set(2, 3)), rule(Action.ACCEPT, clients())));
        FakePolicyBackend other = new FakePolicyBackend(kernel, "other");
        other.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        assertThat(kernel.passes(FRIENDS)).isTrue();
        assertThat(kernel.passes(STRANGERS)).isFalse();

        other.remove();

        assertThat(kernel.passes(STRANGERS)).isTrue();
        assertThat(kernel.kinds()).containsExactly("fake");
        assertThat(kernel.steps()).containsExactly("fake replace", "other replace", "other remove policy");
    }

    @Test
    void driftIsFoundAndRepaired() throws Exception {
        PolicyProgram program = program(List.of(), open(1), open(2));
        assertDriftIsRepaired(program, () -> {
            assertThat(backend.isUntouched()).isTrue();
            kernel.damage("fake", hostInterface(2));
            assertThat(backend.isUntouched()).isFalse();
        });
        assertDriftIsRepaired(program, () -> kernel.flush("fake"));
    }

    @Test
    void whatIsRefusedIsNotInForce() {
        PolicyProgram program = program(List.of(), open(1));
        kernel.refuse("fake", "no memory");
        assertThatThrownBy(() -> backend.replace(program))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessage("no memory");
        assertThat(kernel.kinds()).isEmpty();
        kernel.accept("fake");
        backend.replace(program);
        assertThat(kernel.program("fake")).contains(program);
    }
}
