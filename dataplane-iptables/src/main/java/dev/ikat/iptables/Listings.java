package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import java.util.EnumMap;
import java.util.Map;

/**
 * The chains that there are, by which what earlier processes left is found. As long as this process has put nothing
 * into a table, nobody else does so under Ikat's names: a variant is then listed once and not for each chain that is
 * looked for, since each listing starts a program for each family. Thread-safe.
 */
final class Listings {
    private final Programs programs;
    private final Map<IptablesVariant, String> known = new EnumMap<>(IptablesVariant.class);
    private boolean inUse;

    Listings(Programs programs) {
        this.programs = programs;
    }

    /** Whether a chain is in any table that there is; to name a table would make it. */
    synchronized boolean has(IptablesVariant variant, String chain) {
        String listed = known.get(variant);
        return (listed == null ? list(variant) : listed).contains(":" + chain + " ");
    }

    private String list(IptablesVariant variant) {
        StringBuilder listing = new StringBuilder();
        try {
            for (IpFamily family : IpFamily.values()) {
                listing.append(programs.run("", variant.program(family, "save")));
            }
        } catch (IptablesException e) {
            // A host without iptables has none. It may only have been busy, so the next look is one of its own.
            return listing.toString();
        }
        if (!inUse) {
            known.put(variant, listing.toString());
        }
        return listing.toString();
    }

    /** Something was removed. */
    synchronized void forget() {
        known.clear();
    }

    /** From now on this process may put something there at any time. */
    synchronized void use() {
        inUse = true;
        known.clear();
    }
}
