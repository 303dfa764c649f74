package dev.ikat.ebpf;

import dev.ikat.backendtests.ApiAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;

class EbpfApiAgreementTest extends ApiAgreement {
    @Override
    protected PolicyBackend open(TestNamespace node) {
        return new NodeBackend(node, EbpfSettings.USUAL);
    }

    @Override
    protected int clusters() {
        return 40;
    }
}
