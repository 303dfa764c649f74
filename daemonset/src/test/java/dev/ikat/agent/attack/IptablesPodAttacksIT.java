package dev.ikat.agent.attack;

import dev.ikat.testbed.requirement.RequiresProgram;

/** The attacks on iptables. */
@RequiresProgram("ipset")
final class IptablesPodAttacksIT extends PodAttacks {
    IptablesPodAttacksIT() {
        super("--policy-backend=iptables");
    }
}
