package dev.ikat.cluster;

/** A value of the cluster model is invalid. The message names the object, the field, and the rule that it violates. */
public final class InvalidObjectException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String field;
    private final String reason;

    /**
     * A fault of a whole object.
     *
     * @param object the object, as in {@code Pod shop/web}
     * @param field the path of the field from there, as in {@code status.podIPs}
     * @param reason the rule, as a sentence about the field without its end
     */
    InvalidObjectException(String object, String field, String reason) {
        super(object + ": " + field + ": " + reason);
        this.field = field;
        this.reason = reason;
    }

    /** A fault of a part, which does not know the object that it is part of. */
    InvalidObjectException(String field, String reason) {
        super(field + ": " + reason);
        this.field = field;
        this.reason = reason;
    }

    /** The path of the field, relative to the value that was being created. */
    public String field() {
        return field;
    }

    /** The rule that it violates. */
    public String reason() {
        return reason;
    }
}
