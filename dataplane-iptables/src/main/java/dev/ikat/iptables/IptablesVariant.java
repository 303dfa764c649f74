package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of the two programs of this name a host uses. The rules of both are in force, but neither program sees the
 * other's.
 */
public enum IptablesVariant {
    /** The kernel's older x_tables. */
    LEGACY("legacy"),
    /** The same commands, stored in nf_tables. */
    NFT("nft");

    private static final Logger LOG = LoggerFactory.getLogger(IptablesVariant.class);
    /** Chains by which kubelet and kube-proxy tell others what they use (KEP-3178). */
    private static final List<String> HINTS = List.of("KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY");

    private final String word;

    IptablesVariant(String word) {
        this.word = word;
    }

    /** As in {@code ip6tables-nft-restore}. */
    String program(IpFamily family, String action) {
        return program(family) + "-" + action;
    }

    /** As in {@code ip6tables-nft}. */
    String program(IpFamily family) {
        String name = switch (family) {
            case IPV4 -> "iptables";
            case IPV6 -> "ip6tables";
        };
        return name + "-" + word;
    }

    /**
     * The variant that contains Kubernetes' hint chains, or else the one with more rules of other programs;
     * {@link #NFT} if neither has any. Logs a warning if both have some.
     */
    public static IptablesVariant detect(Programs programs) {
        String legacy = listing(programs, LEGACY);
        String nft = listing(programs, NFT);
        long legacyRules = rules(legacy);
        long nftRules = rules(nft);
        IptablesVariant chosen;
        if (HINTS.stream().anyMatch(hint -> nft.contains(":" + hint + " "))) {
            chosen = NFT;
        } else if (HINTS.stream().anyMatch(hint -> legacy.contains(":" + hint + " "))) {
            chosen = LEGACY;
        } else {
            chosen = legacyRules > nftRules ? LEGACY : NFT;
        }
        if (legacyRules > 0 && nftRules > 0) {
            LOG.atWarn()
                    .addKeyValue("legacy-rules", legacyRules)
                    .addKeyValue("nft-rules", nftRules)
                    .addKeyValue("using", chosen)
                    .addKeyValue("advice", "have all programs on this host use one variant")
                    .log("iptables-mixed");
        }
        return chosen;
    }

    /** Lists only what is there already: the old tables come into being when they are first asked for by name. */
    private static String listing(Programs programs, IptablesVariant variant) {
        StringBuilder listing = new StringBuilder();
        for (IpFamily family : IpFamily.values()) {
            try {
                listing.append(programs.run("", variant.program(family, "save")));
            } catch (IptablesException e) {
                LOG.atDebug()
                        .addKeyValue("variant", variant)
                        .addKeyValue("reason", e::getMessage)
                        .log("iptables-unusable");
            }
        }
        return listing.toString();
    }

    private static long rules(String listing) {
        return listing.lines()
                .filter(line -> line.startsWith("-A ") && !line.contains(Chains.PREFIX))
                .count();
    }
}
