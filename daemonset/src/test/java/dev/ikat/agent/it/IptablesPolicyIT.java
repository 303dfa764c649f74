package dev.ikat.agent.it;

import dev.ikat.testbed.requirement.RequiresProgram;

/** On iptables. */
@RequiresProgram("ipset")
final class IptablesPolicyIT extends PolicyBehaviour {
    IptablesPolicyIT() {
        super("--policy-backend=iptables");
    }
}
