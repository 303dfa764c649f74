package dev.ikat.policy;

import java.util.regex.Pattern;

/** The alphabets of Kubernetes' names: RFC 1123 names, label keys and label values (apimachinery, util/validation). */
final class Names {
    private static final Pattern LABEL = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
    private static final Pattern SUBDOMAIN =
            Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
    private static final Pattern QUALIFIED = Pattern.compile("[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");
    private static final Pattern PORT_LETTER = Pattern.compile(".*[a-z].*");
    private static final int LABEL_LENGTH = 63;
    private static final int SUBDOMAIN_LENGTH = 253;
    private static final int PORT_NAME_LENGTH = 15;

    private Names() {}

    static void requireLabel(String object, String field, String name) {
        if (name.isEmpty()) {
            throw new InvalidObjectException(object, field, "is missing");
        }
        if (name.length() > LABEL_LENGTH || !LABEL.matcher(name).matches()) {
            throw new InvalidObjectException(
                    object,
                    field,
                    "'" + name + "' is not 1 to 63 lower case letters, digits and '-', starting and ending with a"
                            + " letter or digit");
        }
    }

    static void requireSubdomain(String object, String field, String name) {
        if (name.isEmpty()) {
            throw new InvalidObjectException(object, field, "is missing");
        }
        if (name.length() > SUBDOMAIN_LENGTH || !SUBDOMAIN.matcher(name).matches()) {
            throw new InvalidObjectException(
                    object,
                    field,
                    "'" + name + "' is not 1 to 253 lower case letters, digits, '-' and '.', starting and ending with a"
                            + " letter or digit");
        }
    }

    static void requireLabelKey(String field, String key) {
        int slash = key.indexOf('/');
        String prefix = slash < 0 ? "" : key.substring(0, slash);
        String name = key.substring(slash + 1);
        boolean prefixFits = slash < 0
                || (prefix.length() <= SUBDOMAIN_LENGTH
                        && SUBDOMAIN.matcher(prefix).matches());
        if (!prefixFits
                || name.length() > LABEL_LENGTH
                || !QUALIFIED.matcher(name).matches()) {
            throw new InvalidObjectException(
                    field,
                    "'" + key + "' is no label key: an optional DNS name and '/', then 1 to 63 letters, digits, '-',"
                            + " '_' and '.', starting and ending with a letter or digit");
        }
    }

    static void requireLabelValue(String field, String value) {
        if (!value.isEmpty()
                && (value.length() > LABEL_LENGTH || !QUALIFIED.matcher(value).matches())) {
            throw new InvalidObjectException(
                    field,
                    "'" + value + "' is no label value: at most 63 letters, digits, '-', '_' and '.', starting and"
                            + " ending with a letter or digit");
        }
    }

    /** RFC 6335, section 5.1, in lower case. */
    static void requirePortName(String field, String name) {
        boolean fits = name.length() <= PORT_NAME_LENGTH
                && LABEL.matcher(name).matches()
                && !name.contains("--")
                && PORT_LETTER.matcher(name).matches();
        if (!fits) {
            throw new InvalidObjectException(
                    field,
                    "'" + name + "' is no port name: 1 to 15 lower case letters, digits and single '-', at least one"
                            + " letter, not starting or ending with '-'");
        }
    }

    static void requirePort(String field, int port) {
        if (port < 1 || port > 65_535) {
            throw new InvalidObjectException(field, port + " is no port number: 1 to 65535");
        }
    }
}
