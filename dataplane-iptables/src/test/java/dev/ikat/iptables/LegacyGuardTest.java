package dev.ikat.iptables;

class LegacyGuardTest extends VariantGuardContract {
    LegacyGuardTest() {
        super(IptablesVariant.LEGACY);
    }
}
