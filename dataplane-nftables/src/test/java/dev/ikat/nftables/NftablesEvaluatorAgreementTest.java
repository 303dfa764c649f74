package dev.ikat.nftables;

import dev.ikat.backendtests.EvaluatorAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;

class NftablesEvaluatorAgreementTest extends EvaluatorAgreement {
    @Override
    protected PolicyBackend open(TestNamespace node) {
        return OwnedBackend.open(node, true);
    }
}
