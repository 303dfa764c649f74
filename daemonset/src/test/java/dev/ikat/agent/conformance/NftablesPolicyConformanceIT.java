package dev.ikat.agent.conformance;

import dev.ikat.testbed.requirement.RequiresProgram;

/** The cases on nftables. */
@RequiresProgram("nft")
final class NftablesPolicyConformanceIT extends PolicyConformance {
    NftablesPolicyConformanceIT() {
        super("--policy-backend=nftables");
    }
}
