package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.ServiceContract;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresProgram("nft")
class NftablesServicesTest extends ServiceContract {
    private final List<NftablesTable> tables = new ArrayList<>();

    @AfterEach
    void closeTables() {
        tables.forEach(NftablesTable::close);
    }

    @Override
    protected ServiceBackend open(TestNamespace node) {
        // Not the process's own, so that others can change it.
        NftablesTable table = InNamespace.call(node.path(), () -> NftablesTable.open(false));
        tables.add(table);
        return new NftablesServices(table);
    }

    @Override
    protected List<StickyClient> stickyClients(ServiceProgram program) {
        return StickyClients.read(tables.getLast(), program);
    }

    @Override
    protected String rules(TestNamespace node) {
        return node.exec("nft", "list", "ruleset");
    }

    @Override
    protected List<List<String>> drifts() {
        return Stream.of(
                        "flush ruleset",
                        "flush chain inet ikat services-prerouting",
                        "insert rule inet ikat services-postrouting accept",
                        "delete element inet ikat services-frontends_4 { 10.96.0.80 . tcp . 80 }",
                        "add element inet ikat services-addresses_4 { 192.0.2.1 }",
                        "flush set inet ikat services-pods_6",
                        "add chain inet ikat services-mine")
                .map(drift -> List.of("nft", drift))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "flush chain inet ikat services-prerouting",
                "insert rule inet ikat services-postrouting accept",
                "flush chain inet ikat services-pick-4_4"
            })
    void changeDoesNotHideWhatOthersChangedBefore(String drift) {
        services.replace(web());
        host().exec("nft", drift);
        ServiceChange change = webWithAffinity();

        services.apply(change);

        assertThat(services.audit(change.applyTo(web()))).containsExactly("the rules of services were changed");
        services.replace(change.applyTo(web()));
        assertThat(services.audit(change.applyTo(web()))).isEmpty();
    }
}
