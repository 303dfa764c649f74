package dev.ikat.iptables;

final class LegacyDataplaneTest extends VariantDataplaneContract {
    LegacyDataplaneTest() {
        super(IptablesVariant.LEGACY);
    }
}
