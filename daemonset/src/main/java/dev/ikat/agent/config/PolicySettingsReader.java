package dev.ikat.agent.config;

import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.iptables.IptablesVariant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** Checks the settings about network policies. */
final class PolicySettingsReader {
    private static final int LAST_GROUP = 65535;

    private PolicySettingsReader() {}

    static PolicySettings read(OptionReader reader) {
        return new PolicySettings(
                reader.parse(Setting.POLICY_BACKEND, Backend.NONE, PolicySettingsReader::backend, ""),
                reader.duration(Setting.POLICY_WAIT),
                reader.truth(Setting.CUT_CONNECTIONS),
                reader.parse(Setting.DROP_LOG_GROUP, OptionalInt.empty(), PolicySettingsReader::group, ""),
                reader.parse(
                        Setting.IPTABLES_VARIANT,
                        Optional.<IptablesVariant>empty(),
                        text -> text.equals("auto")
                                ? Optional.empty()
                                : Optional.of(IptablesVariant.valueOf(text.toUpperCase(Locale.ROOT))),
                        "is invalid: it has to be auto, legacy or nft"),
                reader.truth(Setting.OWN_TABLE),
                reader.number(Setting.SAMPLE_ACCEPTED, 0, Integer.MAX_VALUE),
                reader.parse(Setting.EBPF_TABLE_LIMITS, Map.of(), PolicySettingsReader::tableLimits, ""));
    }

    private static Map<String, Integer> tableLimits(String text) {
        Map<String, Integer> limits = new HashMap<>();
        for (String element : Configuration.elements(text)) {
            int equals = element.indexOf('=');
            String table = element.substring(0, Math.max(0, equals)).strip();
            String number = element.substring(equals + 1).strip();
            if (!EbpfSettings.usualLimits().containsKey(table)
                    || !number.matches("[0-9]{1,9}")
                    || Integer.parseInt(number) == 0) {
                throw new IllegalArgumentException(
                        ("'%s' is invalid: it has to be TABLE=NUMBER, as in members=2097152, with a"
                                        + " number from 1 to 999999999 and one of the tables %s")
                                .formatted(
                                        element,
                                        String.join(
                                                ", ", EbpfSettings.usualLimits().keySet())));
            }
            if (limits.put(table, Integer.parseInt(number)) != null) {
                throw new IllegalArgumentException("'" + table + "' is set twice");
            }
        }
        return limits;
    }

    private static Backend backend(String text) {
        return Arrays.stream(Backend.values())
                .filter(candidate -> name(candidate).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'" + text + "' is invalid: it has to be one of "
                        + Arrays.stream(Backend.values())
                                .map(PolicySettingsReader::name)
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
            throw new IllegalArgumentException(
                    "'" + text + "' is invalid: it has to be 0 to " + LAST_GROUP + ", or off");
        }
        return OptionalInt.of(Integer.parseInt(text));
    }
}
