package dev.ikat.agent.firewall;

import dev.ikat.netlink.netfilter.NftablesRuleset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The rules of all programs on this host. For any thread. */
public interface HostRuleset extends AutoCloseable {
    /** A number that is another one after each change of nf_tables. Asking costs next to nothing. */
    int generation();

    /**
     * Whether there are tables of the older iptables, whose changes nobody is told of. Asking costs next to nothing.
     */
    boolean hasLegacyTables();

    /** Looks at everything. */
    FirewallSurvey survey(Arrivals arrivals);

    @Override
    void close();

    /** The ruleset of the calling thread's network namespace. */
    static HostRuleset open() {
        NftablesRuleset ruleset = NftablesRuleset.open();
        return new HostRuleset() {
            private static final List<Path> LEGACY_TABLES = List.of(
                    Path.of("/proc/thread-self/net/ip_tables_names"),
                    Path.of("/proc/thread-self/net/ip6_tables_names"));

            @Override
            public int generation() {
                return ruleset.generation();
            }

            @Override
            public boolean hasLegacyTables() {
                return LEGACY_TABLES.stream().anyMatch(names -> {
                    try {
                        return !Files.readString(names).isBlank();
                    } catch (IOException e) {
                        // The kernel module is not loaded.
                        return false;
                    }
                });
            }

            @Override
            public FirewallSurvey survey(Arrivals arrivals) {
                return FirewallSurvey.of(ruleset.baseChains(), ruleset::rules, arrivals)
                        .undecided(hasLegacyTables());
            }

            @Override
            public void close() {
                ruleset.close();
            }
        };
    }
}
