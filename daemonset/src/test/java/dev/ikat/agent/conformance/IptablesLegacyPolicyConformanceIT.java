package dev.ikat.agent.conformance;

import dev.ikat.testbed.requirement.RequiresProgram;

/** The cases on iptables, of the legacy variant. */
@RequiresProgram("ipset")
final class IptablesLegacyPolicyConformanceIT extends PolicyConformance {
    IptablesLegacyPolicyConformanceIT() {
        super("--policy-backend=iptables", "--iptables-variant=legacy");
    }
}
