package dev.ikat.iptables;

class LegacyBackendTest extends VariantContract {
    LegacyBackendTest() {
        super(IptablesVariant.LEGACY);
    }
}
