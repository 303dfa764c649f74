package dev.ikat.model;

import java.util.regex.Pattern;

/**
 * The name of a network configuration ("name", CNI specification, section 1).
 *
 * @param value a letter or digit, then letters, digits, '_', '.' and '-'; at most 255 characters
 */
public record NetworkName(String value) {
    private static final Pattern ALLOWED = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.\\-]*");

    public NetworkName {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("the network name is empty");
        }
        if (value.length() > 255 || !ALLOWED.matcher(value).matches()) {
            throw new IllegalArgumentException("invalid network name '" + value
                    + "': it has to be a letter or digit followed by letters, digits, '_', '.' or '-', at most "
                    + "255 characters in all");
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
