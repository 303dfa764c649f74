package dev.ikat.bgp.bird;

/** BIRD is not there, does not answer, or refuses; the message says what to do where something can be done. */
public final class BirdException extends Exception {
    private static final long serialVersionUID = 1L;

    BirdException(String message) {
        super(message);
    }

    BirdException(String message, Throwable cause) {
        super(message, cause);
    }
}
