package dev.ikat.nftables;

import dev.ikat.backendtests.DataplaneContract;
import dev.ikat.backendtests.InNamespace;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

@RequiresRoot
@RequiresProgram("nft")
final class NftablesDataplaneTest extends DataplaneContract {
    private final TestNamespace node = TestNamespace.create();

    @BeforeEach
    void open() {
        NftablesDataplane opened = new NftablesDataplane(true, OptionalInt.of(4796));
        // Its table is of the namespace in which it is first asked for.
        InNamespace.call(node.path(), opened::missing);
        dataplane = opened;
    }

    @AfterEach
    void close() {
        node.close();
    }

    @Override
    protected String state() {
        return node.exec("nft", "list", "ruleset")
                .replaceAll("counter packets \\d+ bytes \\d+", "counter")
                .lines()
                .sorted()
                .collect(Collectors.joining("\n"));
    }
}
