package dev.ikat.ebpf;

import dev.ikat.services.program.FrontendProgram;

class EbpfDirectReturnAgreementTest extends EbpfServiceAgreementTest {
    @Override
    boolean isDirect() {
        return true;
    }

    /** All but those that are left to nftables. */
    @Override
    protected boolean answersDirectly(FrontendProgram frontend) {
        return frontend.affinity().isEmpty() && frontend.sources().isEmpty();
    }

    @Override
    protected int programs() {
        return 20;
    }
}
