package dev.ikat.model;

import java.util.regex.Pattern;

/**
 * A runtime's name for a container (CNI_CONTAINERID, CNI specification, section 2 "Parameters").
 *
 * @param value a letter or digit, then letters, digits, '_', '.' and '-'; at most 255 characters
 */
public record ContainerId(String value) {
    private static final Pattern ALLOWED = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.\\-]*");

    public ContainerId {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("the container ID is empty");
        }
        if (value.length() > 255 || !ALLOWED.matcher(value).matches()) {
            throw new IllegalArgumentException("container ID '" + value
                    + "' is not a letter or digit followed by letters, digits, '_', '.' and '-', 255 in all");
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
