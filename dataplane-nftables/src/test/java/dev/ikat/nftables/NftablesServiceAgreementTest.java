package dev.ikat.nftables;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.ServiceAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.testbed.host.TestNamespace;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;

class NftablesServiceAgreementTest extends ServiceAgreement {
    private final List<NftablesTable> tables = new ArrayList<>();

    @AfterEach
    void closeTables() {
        tables.forEach(NftablesTable::close);
    }

    @Override
    protected ServiceBackend services(TestNamespace node) {
        tables.add(InNamespace.call(node.path(), () -> NftablesTable.open(true)));
        return new NftablesServices(tables.getFirst());
    }

    @Override
    protected PolicyBackend policies(TestNamespace node) {
        return new NftablesBackend(tables.getFirst(), OptionalInt.empty());
    }
}
