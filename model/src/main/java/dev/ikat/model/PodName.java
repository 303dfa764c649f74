package dev.ikat.model;

import java.util.regex.Pattern;

/**
 * The Kubernetes pod that a container belongs to, according to its runtime.
 *
 * @param namespace the pod's namespace: an RFC 1123 label
 * @param name the pod's name there: an RFC 1123 subdomain
 */
public record PodName(String namespace, String name) {
    private static final String LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    private static final Pattern NAMESPACE = Pattern.compile(LABEL);
    private static final Pattern NAME = Pattern.compile(LABEL + "(\\." + LABEL + ")*");

    public PodName {
        if (namespace.length() > 63 || !NAMESPACE.matcher(namespace).matches()) {
            throw new IllegalArgumentException("invalid namespace '" + namespace
                    + "': it has to be 1 to 63 lower case letters, digits and '-', starting and ending with a "
                    + "letter or digit");
        }
        if (name.length() > 253 || !NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("invalid pod name '" + name
                    + "': it has to be 1 to 253 lower case letters, digits, '-' and '.', starting and ending "
                    + "with a letter or digit");
        }
    }

    /**
     * Parses {@code namespace/name}.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    public static PodName parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("invalid pod '" + text + "'; write it as NAMESPACE/NAME");
        }
        return new PodName(text.substring(0, slash), text.substring(slash + 1));
    }

    /** {@code namespace/name}. */
    @Override
    public String toString() {
        return namespace + "/" + name;
    }
}
