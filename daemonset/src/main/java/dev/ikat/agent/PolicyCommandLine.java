package dev.ikat.agent;

import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.iptables.IptablesVariant;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** The options about network policies. */
final class PolicyCommandLine {
    private static final int LAST_GROUP = 65535;

    @Option(
            names = "--policy-backend",
            paramLabel = "nftables|iptables|ebpf|none",
            description =
                    "What enforces network policies, and masquerades (beside ebpf nftables does, or else iptables); with"
                            + " none every packet passes. Between the others it can change while the agent runs, see below."
                            + " Default: ${DEFAULT-VALUE}.",
            defaultValue = "nftables")
    private String backend = "nftables";

    @Option(
            names = "--iptables-variant",
            paramLabel = "auto|legacy|nft",
            description =
                    "Which iptables the iptables backend uses; auto is the one that Kubernetes' hint chains are in,"
                            + " or that has more rules of others. Default: ${DEFAULT-VALUE}.",
            defaultValue = "auto")
    private String variant = "auto";

    @Option(
            names = "--policy-wait",
            paramLabel = "DURATION",
            description = "A new pod whose labels are not known, but matter, is kept waiting this long, closed; then"
                    + " its ADD fails, and the runtime tries again. Default: ${DEFAULT-VALUE}.",
            defaultValue = "10s")
    private String wait = "10s";

    @Option(
            names = "--cut-connections",
            paramLabel = "true|false",
            arity = "1",
            description = "End open connections that a policy comes to forbid. Default: ${DEFAULT-VALUE}.",
            defaultValue = "true")
    private boolean cutConnections = true;

    @Option(
            names = "--drop-log-group",
            paramLabel = "NUMBER|off",
            description =
                    "NFLOG group by which the kernel tells the agent what policy drops; off for not at all. Default:"
                            + " ${DEFAULT-VALUE}.",
            defaultValue = "4796")
    private String dropLogGroup = "4796";

    @Option(
            names = "--sample-accepted",
            paramLabel = "NUMBER",
            description = "With the ebpf backend, log one of so many connections that policy accepts; 0 for none."
                    + " Default: ${DEFAULT-VALUE}.",
            defaultValue = "0")
    private int sampleAccepted;

    @Option(
            names = "--own-table",
            paramLabel = "true|false",
            arity = "1",
            description = "Let no other process change Ikat's nftables table, not even 'nft flush ruleset' (from Linux"
                    + " 6.9); if false, or on older kernels, what they do is repaired. Default: ${DEFAULT-VALUE}.",
            defaultValue = "true")
    private boolean ownTable = true;

    PolicySettings read(OptionReader reader) {
        Backend chosen = reader.parse("--policy-backend", backend, Backend.NONE, PolicyCommandLine::backend, "");
        Duration patience = reader.parse(
                "--policy-wait", wait, Duration.ofSeconds(10), OptionReader::duration, "is no duration, as 10s");
        OptionalInt group =
                reader.parse("--drop-log-group", dropLogGroup, OptionalInt.empty(), PolicyCommandLine::group, "");
        Optional<IptablesVariant> forced = reader.parse(
                "--iptables-variant",
                variant,
                Optional.<IptablesVariant>empty(),
                text -> text.equals("auto")
                        ? Optional.empty()
                        : Optional.of(IptablesVariant.valueOf(text.toUpperCase(Locale.ROOT))),
                "is not auto, legacy or nft");
        reader.range("--sample-accepted", sampleAccepted, 0, Integer.MAX_VALUE);
        return new PolicySettings(chosen, patience, cutConnections, group, forced, ownTable, sampleAccepted);
    }

    private static Backend backend(String text) {
        return Arrays.stream(Backend.values())
                .filter(candidate -> name(candidate).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'" + text + "' is none of "
                        + Arrays.stream(Backend.values())
                                .map(PolicyCommandLine::name)
                                .collect(Collectors.joining(", "))));
    }

    private static String name(Backend backend) {
        return backend.name().toLowerCase(Locale.ROOT);
    }

    private static OptionalInt group(String text) {
        if (text.equals("off")) {
            return OptionalInt.empty();
        }
        if (!text.matches("[0-9]{1,5}") || Integer.parseInt(text) > LAST_GROUP) {
            throw new IllegalArgumentException("'" + text + "' is not 0 to " + LAST_GROUP + ", nor off");
        }
        return OptionalInt.of(Integer.parseInt(text));
    }
}
