package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.dataplane.AcceptanceState;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.FirewallAcceptance;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.dataplane.Masquerading.Outcome;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.ServiceProgram;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What every dataplane, the kernel's and the one in memory, has to do with its capabilities, as far as that can be seen
 * without packets.
 */
public abstract class DataplaneContract {
    private static final Set<Cidr> PODS = Set.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd00:10:244:1::/64"));
    private static final MasqueradeState MASQUERADE =
            new MasqueradeState(PODS, Set.of(Cidr.parse("10.244.0.0/16"), Cidr.parse("fd00:10:244::/48")));
    private static final MasqueradeState OTHER_MASQUERADE = new MasqueradeState(PODS, PODS);

    /** Open, with nothing in force: set before each test by the kind of dataplane. */
    @SuppressWarnings("NullAway.Init")
    protected Dataplane dataplane;

    /** Has the host's firewall refuse what nobody accepts; idempotent. */
    protected void refuseWhatNobodyAccepts() {}

    /** The state of this kind of dataplane without its counters: the same before and after. */
    protected abstract String state();

    private Optional<PolicyBackend> policy = Optional.empty();
    private Optional<Masquerading> masquerading = Optional.empty();
    private Optional<SourceGuard> guard = Optional.empty();
    private Optional<FirewallAcceptance> acceptance = Optional.empty();
    private Optional<ServiceBackend> services = Optional.empty();

    @AfterEach
    final void closeDataplane() {
        policy.ifPresent(PolicyBackend::close);
        services.ifPresent(ServiceBackend::close);
        dataplane.close();
    }

    private static GuardState guard(String peer) {
        return new GuardState(
                Optional.of(new GuardState.Tunnel(8472, 4796)),
                Set.of(new GuardState.Peer(
                        Set.of(IpAddress.parse(peer)), Set.of(Cidr.parse("10.244.2.0/24")), Set.of())),
                Set.of(IpAddress.parse(peer), IpAddress.parse("172.31.0.11")),
                PODS,
                Set.of(IpAddress.parse("172.31.0.11")),
                new InterfaceName("uplink0"),
                true);
    }

    /** Puts something in force; whether that changed anything. */
    private boolean putInForce(Capability capability) {
        return switch (capability) {
            case POLICY -> {
                PolicyBackend backend = policy.orElseGet(dataplane::policy);
                policy = Optional.of(backend);
                boolean differs = !backend.audit(PolicyProgram.EMPTY).isEmpty();
                if (differs) {
                    backend.replace(PolicyProgram.EMPTY);
                }
                yield differs;
            }
            case MASQUERADE -> {
                Masquerading opened = masquerading.orElseGet(dataplane::masquerading);
                masquerading = Optional.of(opened);
                yield opened.reconcile(MASQUERADE) == Outcome.REPAIRED;
            }
            case GUARD -> {
                SourceGuard opened = guard.orElseGet(dataplane::guard);
                guard = Optional.of(opened);
                yield opened.reconcile(guard("172.31.0.12"));
            }
            case ACCEPTANCE -> {
                refuseWhatNobodyAccepts();
                FirewallAcceptance opened = acceptance.orElseGet(dataplane::acceptance);
                acceptance = Optional.of(opened);
                yield opened.reconcile(new AcceptanceState(
                        OptionalInt.of(8472), List.of(Cidr.parse("10.244.2.0/23"), Cidr.parse("fd00:244:0:2::/63"))));
            }
            case SERVICES -> {
                ServiceBackend opened = services.orElseGet(dataplane::services);
                services = Optional.of(opened);
                boolean differs = !opened.audit(ServiceProgram.EMPTY).isEmpty();
                if (differs) {
                    opened.replace(ServiceProgram.EMPTY);
                }
                yield differs;
            }
        };
    }

    @Test
    protected void capabilityThatItDoesNotHaveIsRefused() {
        for (Capability capability : EnumSet.complementOf(EnumSet.copyOf(dataplane.capabilities()))) {
            assertThatThrownBy(() -> putInForce(capability)).isInstanceOf(UnsupportedOperationException.class);
        }
        assertThat(dataplane.missing()).isEmpty();
        assertThat(dataplane.name()).isNotBlank();
    }

    @Test
    protected void eachCapabilityIsPutInForceOnceAndRemovedWithoutTrace() {
        String nothing = state();
        for (Capability capability : dataplane.capabilities()) {
            assertThat(putInForce(capability)).as("%s", capability).isTrue();
            assertThat(state()).isNotEqualTo(nothing);
            assertThat(putInForce(capability)).as("%s again", capability).isFalse();
            dataplane.removeLeft(capability, true);
            assertThat(putInForce(capability)).as("%s in use", capability).isFalse();
            dataplane.removeLeft(capability, false);
            dataplane.removeLeft(capability, false);
            assertThat(state()).as("without %s", capability).isEqualTo(nothing);
        }
    }

    @Test
    protected void capabilitiesLeaveEachOtherAlone() {
        dataplane.capabilities().forEach(this::putInForce);
        String all = state();
        for (Capability removed : dataplane.capabilities()) {
            dataplane.removeLeft(removed, false);
            assertThat(state()).as("without %s", removed).isNotEqualTo(all);
            for (Capability other : EnumSet.complementOf(EnumSet.of(removed))) {
                if (dataplane.capabilities().contains(other)) {
                    assertThat(putInForce(other))
                            .as("%s after %s was removed", other, removed)
                            .isFalse();
                }
            }
            forget(removed);
            assertThat(putInForce(removed)).as("%s", removed).isTrue();
            assertThat(state()).isEqualTo(all);
        }
    }

    /** It is opened anew the next time: what this object put in force is gone, and not by its doing. */
    private void forget(Capability capability) {
        switch (capability) {
            case POLICY -> {
                policy.ifPresent(PolicyBackend::close);
                policy = Optional.empty();
            }
            case MASQUERADE -> masquerading = Optional.empty();
            case GUARD -> guard = Optional.empty();
            case ACCEPTANCE -> acceptance = Optional.empty();
            case SERVICES -> {
                services.ifPresent(ServiceBackend::close);
                services = Optional.empty();
            }
        }
    }

    @Test
    protected void whatIsWantedOtherwiseIsReplacedAndWhatIsWantedNoMoreRemoved() {
        String nothing = state();
        if (dataplane.capabilities().contains(Capability.MASQUERADE)) {
            Masquerading opened = dataplane.masquerading();
            assertThat(opened.reconcile(MASQUERADE)).isEqualTo(Outcome.REPAIRED);
            assertThat(opened.reconcile(OTHER_MASQUERADE)).isEqualTo(Outcome.REPAIRED);
            assertThat(opened.reconcile(OTHER_MASQUERADE)).isEqualTo(Outcome.UNCHANGED);
            opened.remove();
            opened.remove();
        }
        if (dataplane.capabilities().contains(Capability.GUARD)) {
            SourceGuard opened = dataplane.guard();
            assertThat(opened.reconcile(guard("172.31.0.12"))).isTrue();
            assertThat(opened.reconcile(guard("172.31.0.13"))).isTrue();
            assertThat(opened.reconcile(guard("172.31.0.13"))).isFalse();
            opened.remove();
            opened.remove();
        }
        assertThat(state()).isEqualTo(nothing);
    }

    @Test
    protected void nothingOfItsOwnToForgetIsNoError() {
        dataplane.endConnections(Set.of(IpAddress.parse("10.244.1.5")));
        assertThat(dataplane.fill())
                .allSatisfy((table, ratio) -> assertThat(ratio).as(table).isBetween(0.0, 1.0));
    }
}
