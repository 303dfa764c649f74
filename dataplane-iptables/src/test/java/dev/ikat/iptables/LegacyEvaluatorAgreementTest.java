package dev.ikat.iptables;

import dev.ikat.backendtests.EvaluatorAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.OptionalInt;

@RequiresProgram("ipset")
class LegacyEvaluatorAgreementTest extends EvaluatorAgreement {
    @Override
    protected PolicyBackend open(TestNamespace node) {
        return new IptablesBackend(
                new Programs(node.entering(java.util.List.of())), IptablesVariant.LEGACY, OptionalInt.of(4796));
    }

    @Override
    protected int programs() {
        return 40;
    }
}
