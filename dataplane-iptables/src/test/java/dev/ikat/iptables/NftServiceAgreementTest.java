package dev.ikat.iptables;

class NftServiceAgreementTest extends VariantServiceAgreement {
    NftServiceAgreementTest() {
        super(IptablesVariant.NFT);
    }
}
