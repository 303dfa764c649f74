package dev.ikat.iptables;

final class NftDataplaneTest extends VariantDataplaneContract {
    NftDataplaneTest() {
        super(IptablesVariant.NFT);
    }
}
