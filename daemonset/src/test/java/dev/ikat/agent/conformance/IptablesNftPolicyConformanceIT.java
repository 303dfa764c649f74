package dev.ikat.agent.conformance;

import dev.ikat.testbed.requirement.RequiresProgram;

/** The cases on iptables, of the nft variant. */
@RequiresProgram("ipset")
final class IptablesNftPolicyConformanceIT extends PolicyConformance {
    IptablesNftPolicyConformanceIT() {
        super("--policy-backend=iptables", "--iptables-variant=nft");
    }
}
