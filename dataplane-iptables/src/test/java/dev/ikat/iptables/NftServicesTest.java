package dev.ikat.iptables;

class NftServicesTest extends VariantServicesContract {
    NftServicesTest() {
        super(IptablesVariant.NFT);
    }
}
