package dev.ikat.nftables;

import dev.ikat.backendtests.EvaluatorAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;

/** Random programs have few rules; here each of them that can be is looked up by its port all the same. */
class NftablesPortLookUpAgreementTest extends EvaluatorAgreement {
    @Override
    protected PolicyBackend open(TestNamespace node) {
        return OwnedBackend.open(node, true, 1);
    }

    @Override
    protected int programs() {
        return 100;
    }
}
