package dev.ikat.iptables;

class LegacyServicesTest extends VariantServicesContract {
    LegacyServicesTest() {
        super(IptablesVariant.LEGACY);
    }
}
