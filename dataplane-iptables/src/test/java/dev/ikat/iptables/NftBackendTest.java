package dev.ikat.iptables;

class NftBackendTest extends VariantContract {
    NftBackendTest() {
        super(IptablesVariant.NFT);
    }
}
