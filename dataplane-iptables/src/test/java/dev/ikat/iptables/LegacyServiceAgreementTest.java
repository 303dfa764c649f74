package dev.ikat.iptables;

class LegacyServiceAgreementTest extends VariantServiceAgreement {
    LegacyServiceAgreementTest() {
        super(IptablesVariant.LEGACY);
    }
}
