package dev.ikat.ebpf;

import dev.ikat.backendtests.ServiceAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.ArrayList;
import java.util.List;

@RequiresProgram("nft")
class EbpfServiceAgreementTest extends ServiceAgreement {
    private final List<NodeServices> opened = new ArrayList<>();

    /** Whether connections from outside are served by direct return. */
    boolean isDirect() {
        return false;
    }

    @Override
    protected ServiceBackend services(TestNamespace node) {
        opened.add(NodeServices.ofScene(node, isDirect()));
        return opened.getFirst();
    }

    @Override
    protected PolicyBackend policies(TestNamespace node) {
        return opened.getFirst().policies();
    }

    @Override
    protected void forgetConnections(TestNamespace of) {
        super.forgetConnections(of);
        opened.getFirst().forgetConnections();
    }

    @Override
    protected int programs() {
        return 40;
    }
}
