package dev.ikat.nftables;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** A backend that closes its table with itself. */
record OwnedBackend(NftablesTable table, NftablesBackend backend) implements PolicyBackend {
    static OwnedBackend open(TestNamespace node, boolean ownership) {
        return open(node, ownership, PolicyScript.PORTS_WORTH_A_LOOK_UP);
    }

    /** @param worthwhile so many rules in a row for single ports are looked up by their port */
    static OwnedBackend open(TestNamespace node, boolean ownership, int worthwhile) {
        NftablesTable table = InNamespace.call(node.path(), () -> NftablesTable.open(ownership));
        return new OwnedBackend(table, new NftablesBackend(table, OptionalInt.of(4796), worthwhile));
    }

    @Override
    public Optional<String> probe() {
        return backend.probe();
    }

    @Override
    public void replace(PolicyProgram program) {
        backend.replace(program);
    }

    @Override
    public void apply(PolicyChange change) {
        backend.apply(change);
    }

    @Override
    public List<String> audit(PolicyProgram program) {
        return backend.audit(program);
    }

    @Override
    public boolean isUntouched() {
        return backend.isUntouched();
    }

    @Override
    public void remove() {
        backend.remove();
    }

    @Override
    public void close() {
        backend.close();
        table.close();
    }
}
