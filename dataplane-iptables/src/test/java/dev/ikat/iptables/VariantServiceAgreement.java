package dev.ikat.iptables;

import dev.ikat.backendtests.ServiceAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.List;
import java.util.OptionalInt;

/** Random services and policies in one of the variants. */
@RequiresProgram("ipset")
abstract class VariantServiceAgreement extends ServiceAgreement {
    private final IptablesVariant variant;

    VariantServiceAgreement(IptablesVariant variant) {
        this.variant = variant;
    }

    @Override
    protected ServiceBackend services(TestNamespace node) {
        return new IptablesServices(new Programs(node.entering(List.of())), variant);
    }

    @Override
    protected PolicyBackend policies(TestNamespace node) {
        return new IptablesBackend(new Programs(node.entering(List.of())), variant, OptionalInt.empty());
    }

    @Override
    protected int programs() {
        return 20;
    }
}
