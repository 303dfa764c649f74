package dev.ikat.kubernetes;

/** The API server could not be reached, or refused. */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** HTTP's code for what the server does not have. */
    static final int NOT_FOUND = 404;

    /** HTTP's code for an object that is there already, or has another version by now. */
    static final int CONFLICT = 409;

    /** HTTP's code for a resource version that the server has forgotten. */
    static final int GONE = 410;

    /** The code where the server did not answer. */
    static final int NO_ANSWER = 0;

    private final int code;

    ApiException(int code, String message) {
        super(message);
        this.code = code;
    }

    ApiException(String message, Throwable cause) {
        super(message, cause);
        this.code = NO_ANSWER;
    }

    /** HTTP's status code, or {@link #NO_ANSWER}. */
    int code() {
        return code;
    }
}
