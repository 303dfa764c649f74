package dev.ikat.agent.attack;

import dev.ikat.testbed.RequiresProgram;

/** The attacks on iptables. */
@RequiresProgram("ipset")
final class IptablesPodAttacksIT extends PodAttacks {
    IptablesPodAttacksIT() {
        super("--policy-backend=iptables");
    }
}
