package dev.ikat.iptables;

class NftGuardTest extends VariantGuardContract {
    NftGuardTest() {
        super(IptablesVariant.NFT);
    }
}
