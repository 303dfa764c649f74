package dev.ikat.agent.attack;

import dev.ikat.testbed.requirement.RequiresProgram;

/** The attacks on nftables. */
@RequiresProgram("nft")
final class NftablesPodAttacksIT extends PodAttacks {
    NftablesPodAttacksIT() {
        super("--policy-backend=nftables");
    }
}
