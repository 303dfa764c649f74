package dev.ikat.cluster;

import dev.ikat.model.IpAddress;
import java.util.regex.Pattern;

/**
 * The alphabets of Kubernetes' names: RFC 1123 names, label keys and label values (apimachinery, util/validation). A
 * large cluster's list has a million of them, so they are looked through by hand rather than by regular expressions.
 */
final class Names {
    private static final Pattern PORT_LETTER = Pattern.compile(".*[a-z].*");
    private static final int LABEL_LENGTH = 63;
    private static final int SUBDOMAIN_LENGTH = 253;
    private static final int PORT_NAME_LENGTH = 15;

    private Names() {}

    /** Lower case letters, digits and '-', the first and the last no '-'. */
    static boolean isLabel(String name) {
        return isLabel(name, 0, name.length());
    }

    private static boolean isLabel(String name, int from, int to) {
        if (from == to || name.charAt(from) == '-' || name.charAt(to - 1) == '-') {
            return false;
        }
        for (int i = from; i < to; i++) {
            char c = name.charAt(i);
            if (!isSmall(c) && c != '-') {
                return false;
            }
        }
        return true;
    }

    private static boolean isSmall(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }

    /** One or more labels with a '.' between them. */
    static boolean isSubdomain(String name) {
        int from = 0;
        for (int dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', from)) {
            if (!isLabel(name, from, dot)) {
                return false;
            }
            from = dot + 1;
        }
        return isLabel(name, from, name.length());
    }

    /** Letters, digits, '-', '_' and '.', the first and the last a letter or digit. */
    static boolean isQualified(String name) {
        if (name.isEmpty() || !isAlphanumeric(name.charAt(0)) || !isAlphanumeric(name.charAt(name.length() - 1))) {
            return false;
        }
        for (int i = 1; i < name.length() - 1; i++) {
            char c = name.charAt(i);
            if (!isAlphanumeric(c) && c != '-' && c != '_' && c != '.') {
                return false;
            }
        }
        return true;
    }

    private static boolean isAlphanumeric(char c) {
        return isSmall(c) || (c >= 'A' && c <= 'Z');
    }

    static void requireLabel(String object, String field, String name) {
        if (name.isEmpty()) {
            throw new InvalidObjectException(object, field, "is missing");
        }
        if (name.length() > LABEL_LENGTH || !isLabel(name)) {
            throw new InvalidObjectException(
                    object,
                    field,
                    "invalid name '" + name
                            + "': it has to be 1 to 63 lower case letters, digits and '-', starting and ending with a "
                            + "letter or digit");
        }
    }

    static void requireSubdomain(String object, String field, String name) {
        if (name.isEmpty()) {
            throw new InvalidObjectException(object, field, "is missing");
        }
        if (name.length() > SUBDOMAIN_LENGTH || !isSubdomain(name)) {
            throw new InvalidObjectException(
                    object,
                    field,
                    "invalid name '" + name
                            + "': it has to be 1 to 253 lower case letters, digits, '-' and '.', starting and ending "
                            + "with a letter or digit");
        }
    }

    static void requireLabelKey(String field, String key) {
        int slash = key.indexOf('/');
        String prefix = slash < 0 ? "" : key.substring(0, slash);
        String name = key.substring(slash + 1);
        boolean prefixFits = slash < 0 || (prefix.length() <= SUBDOMAIN_LENGTH && isSubdomain(prefix));
        if (!prefixFits || name.length() > LABEL_LENGTH || !isQualified(name)) {
            throw new InvalidObjectException(
                    field,
                    "invalid label key '" + key
                            + "': it has to be an optional DNS name and '/', then 1 to 63 letters, digits, '-', '_' "
                            + "and '.', starting and ending with a letter or digit");
        }
    }

    static void requireLabelValue(String field, String value) {
        if (!value.isEmpty() && (value.length() > LABEL_LENGTH || !isQualified(value))) {
            throw new InvalidObjectException(
                    field,
                    "invalid label value '" + value
                            + "': it has to be at most 63 letters, digits, '-', '_' and '.', starting and ending with "
                            + "a letter or digit");
        }
    }

    /** RFC 6335, section 5.1, in lower case. */
    static void requirePortName(String field, String name) {
        boolean fits = name.length() <= PORT_NAME_LENGTH
                && isLabel(name)
                && !name.contains("--")
                && PORT_LETTER.matcher(name).matches();
        if (!fits) {
            throw new InvalidObjectException(
                    field,
                    "invalid port name '" + name
                            + "': it has to be 1 to 15 lower case letters, digits and single '-', with at least one "
                            + "letter, not starting or ending with '-'");
        }
    }

    /** One label, which may be empty: services name their ports in longer words than pods do. */
    static void requireServicePortName(String field, String name) {
        if (!name.isEmpty() && (name.length() > LABEL_LENGTH || !isLabel(name))) {
            throw new InvalidObjectException(
                    field,
                    "invalid port name '" + name
                            + "': it has to be 1 to 63 lower case letters, digits and '-', starting and ending with a "
                            + "letter or digit");
        }
    }

    /** An address that means the same on every node. */
    static void requireReachable(String field, IpAddress address) {
        if (address.isUnspecified() || address.isLoopback() || address.isLinkLocal() || address.isMulticast()) {
            throw new InvalidObjectException(
                    field, "no connection can be sent on to " + address + ", as it is not the same on every node");
        }
    }

    static void requirePort(String field, int port) {
        if (port < 1 || port > 65_535) {
            throw new InvalidObjectException(field, "invalid port number " + port + ": it has to be 1 to 65535");
        }
    }
}
