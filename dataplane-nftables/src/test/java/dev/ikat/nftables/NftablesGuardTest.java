package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.SourceGuardContract;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NftablesGuardTest extends SourceGuardContract {
    private final List<NftablesTable> tables = new ArrayList<>();

    @AfterEach
    void closeTables() {
        tables.forEach(NftablesTable::close);
    }

    @Override
    protected SourceGuard open(TestNamespace node) {
        // Not the process's own, so that others can change it.
        NftablesTable table = InNamespace.call(node.path(), () -> NftablesTable.open(false));
        tables.add(table);
        return new NftablesGuard(table, OptionalInt.of(4796));
    }

    @Override
    protected boolean looksWithin() {
        return true;
    }

    @Override
    protected List<List<String>> drifts() {
        return Stream.of(
                        "flush ruleset",
                        "delete table inet ikat",
                        "flush chain inet ikat guard-sources",
                        "insert rule inet ikat guard-tunnel accept",
                        "add element inet ikat guard-peers_4 { 192.0.2.1 }",
                        "delete element inet ikat guard-nodes_6 { fd31::12 }",
                        "add element inet ikat guard-owners_4_4_24 { 192.0.2.1 . 0x0af402 }",
                        "add chain inet ikat guard-sources { policy drop; }")
                .map(drift -> List.of("nft", drift))
                .toList();
    }

    /** Policies, masquerading and the guard are in one table and leave each other alone. */
    @Test
    void leavesPoliciesAloneAndTheyIt() {
        try (TestNamespace node = TestNamespace.create()) {
            NftablesTable table = InNamespace.call(node.path(), () -> NftablesTable.open(false));
            tables.add(table);
            SourceGuard guard = new NftablesGuard(table, OptionalInt.empty());
            try (NftablesBackend policies = new NftablesBackend(table, OptionalInt.empty())) {
                guard.reconcile(TUNNELLED);
                policies.replace(PolicyProgram.EMPTY);
                assertThat(guard.reconcile(TUNNELLED)).isFalse();
                guard.remove();
                assertThat(policies.audit(PolicyProgram.EMPTY)).isEmpty();
                guard.reconcile(TUNNELLED);
                policies.remove();
                assertThat(guard.reconcile(TUNNELLED)).isFalse();
            }
        }
    }
}
