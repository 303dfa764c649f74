package dev.ikat.ebpf;

import dev.ikat.cluster.Protocol;
import dev.ikat.services.program.FrontendProgram;

class EbpfDirectReturnAgreementTest extends EbpfServiceAgreementTest {
    @Override
    boolean isDirect() {
        return true;
    }

    /** All but those that are left to nftables. */
    @Override
    protected boolean answersDirectly(FrontendProgram frontend) {
        return frontend.affinity().isEmpty()
                && frontend.sources().isEmpty()
                && frontend.frontend().protocol() != Protocol.SCTP;
    }

    @Override
    protected int programs() {
        return 20;
    }
}
