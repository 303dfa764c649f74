package dev.ikat.model;

import java.util.regex.Pattern;

/**
 * The identifier that a runtime gives a container (CNI_CONTAINERID, CNI specification, section 2 "Parameters").
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
            throw new IllegalArgumentException("invalid container ID '" + value
                    + "': it has to be a letter or digit followed by letters, digits, '_', '.' or '-', at most "
                    + "255 characters in all");
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
