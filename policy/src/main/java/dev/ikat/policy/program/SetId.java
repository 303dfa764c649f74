package dev.ikat.policy.program;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * The name of an address set, derived from what the set means: equal selectors share one set, and a restarted agent
 * finds the same names in the kernel.
 *
 * @param value 1 to 16 lower-case letters and digits, the first a letter
 */
public record SetId(String value) implements Comparable<SetId> {
    private static final Pattern FORM = Pattern.compile("[a-z][a-z0-9]{0,15}");

    public SetId {
        Objects.requireNonNull(value, "value");
        if (!FORM.matcher(value).matches()) {
            throw new IllegalArgumentException("invalid set name '" + value + "': it has to be 1 to 16 of a-z and 0-9");
        }
    }

    @Override
    public int compareTo(SetId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
