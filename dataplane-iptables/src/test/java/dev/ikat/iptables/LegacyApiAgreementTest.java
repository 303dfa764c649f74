package dev.ikat.iptables;

import dev.ikat.backendtests.ApiAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.List;
import java.util.OptionalInt;

@RequiresProgram("ipset")
class LegacyApiAgreementTest extends ApiAgreement {
    @Override
    protected PolicyBackend open(TestNamespace node) {
        return new IptablesBackend(
                new Programs(node.entering(List.of())), IptablesVariant.LEGACY, OptionalInt.of(4796));
    }

    @Override
    protected int clusters() {
        return 25;
    }
}
