package dev.ikat.nftables;

import dev.ikat.backendtests.ApiAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;

class NftablesApiAgreementTest extends ApiAgreement {
    @Override
    protected PolicyBackend open(TestNamespace node) {
        return OwnedBackend.open(node, true);
    }
}
