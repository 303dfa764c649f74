package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.netfilter.NftablesEvent;
import dev.ikat.netlink.netfilter.NftablesMonitor;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Another process changes what is put in force at the very moment in which it comes in force: that is found later, and
 * never taken for what was put in force.
 */
@RequiresRoot
class MeddlingTest {
    private static final int ROUNDS = 20;
    private static final GuardState GUARDED = new GuardState(
            Optional.empty(),
            Set.of(),
            Set.of(),
            Set.of(Cidr.parse("10.244.1.0/24")),
            Set.of(),
            new InterfaceName("eth0"),
            true);

    private TestNamespace node;
    private NftablesTable table;

    @BeforeEach
    void make() {
        node = TestNamespace.create();
        table = InNamespace.call(node.path(), () -> NftablesTable.open(false));
    }

    @AfterEach
    void remove() {
        table.close();
        node.close();
    }

    /** Puts in force while somebody runs this command as soon as that is done. */
    private void meddled(String command, Runnable putInForce) throws Exception {
        CompletableFuture<Void> listens = new CompletableFuture<>();
        int port = table.port();
        CompletableFuture<Void> done = CompletableFuture.runAsync(() -> InNamespace.call(node.path(), () -> {
            try (Nftables other = Nftables.open();
                    NftablesMonitor monitor = NftablesMonitor.open()) {
                listens.complete(null);
                while (monitor.poll(Duration.ofSeconds(10)).stream()
                        .noneMatch(event -> event instanceof NftablesEvent.Generation(int _, int by, int _, String _)
                                && by == port)) {
                    // Others' transactions.
                }
                other.run(command);
            }
            return null;
        }));
        CompletableFuture.anyOf(listens, done).get(10, TimeUnit.SECONDS);
        putInForce.run();
        done.get(10, TimeUnit.SECONDS);
    }

    @Test
    void policiesAreRepaired() throws Exception {
        try (NftablesBackend policies = new NftablesBackend(table, OptionalInt.empty())) {
            policies.replace(PolicyProgram.EMPTY);
            for (int round = 0; round < ROUNDS; round++) {
                meddled("flush chain inet ikat policy-forward", () -> policies.replace(PolicyProgram.EMPTY));
                assertThat(policies.audit(PolicyProgram.EMPTY))
                        .as("round %d", round)
                        .isNotEmpty();
            }
            policies.replace(PolicyProgram.EMPTY);
            assertThat(policies.audit(PolicyProgram.EMPTY)).isEmpty();
        }
    }

    @Test
    void servicesAreRepaired() throws Exception {
        ServiceProgram none = new ServiceProgram(Map.of(), Set.of(), Set.of());
        try (NftablesServices services = new NftablesServices(table)) {
            services.replace(none);
            for (int round = 0; round < ROUNDS; round++) {
                meddled("flush chain inet ikat services-prerouting", () -> services.replace(none));
                assertThat(services.audit(none)).as("round %d", round).isNotEmpty();
            }
            services.replace(none);
            assertThat(services.audit(none)).isEmpty();
        }
    }

    @Test
    void masqueradeIsRepaired() throws Exception {
        List<MasqueradeState> states = List.of(
                new MasqueradeState(Set.of(Cidr.parse("10.244.1.0/24")), Set.of()),
                new MasqueradeState(Set.of(Cidr.parse("10.244.2.0/24")), Set.of()));
        Masquerade masquerade = new Masquerade(table);
        masquerade.reconcile(states.getLast());
        for (int round = 0; round < ROUNDS; round++) {
            MasqueradeState state = states.get(round % 2);
            meddled("flush chain inet ikat masquerade-postrouting", () -> masquerade.reconcile(state));
            assertThat(masquerade.reconcile(state)).as("round %d", round).isEqualTo(Masquerading.Outcome.REPAIRED);
            assertThat(masquerade.reconcile(state)).as("round %d", round).isEqualTo(Masquerading.Outcome.UNCHANGED);
        }
    }

    @Test
    void guardIsRepaired() throws Exception {
        NftablesGuard guard = new NftablesGuard(table, OptionalInt.empty());
        guard.reconcile(GUARDED);
        for (int round = 0; round < ROUNDS; round++) {
            node.exec("nft", "insert rule inet ikat guard-sources accept");
            meddled("flush chain inet ikat guard-sources", () -> guard.reconcile(GUARDED));
            assertThat(guard.reconcile(GUARDED)).as("round %d", round).isTrue();
            assertThat(guard.reconcile(GUARDED)).as("round %d", round).isFalse();
        }
    }
}
