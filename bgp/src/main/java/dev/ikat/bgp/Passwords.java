package dev.ikat.bgp;

import java.util.Optional;

/** Where the passwords of sessions are. */
public interface Passwords {
    /** What there is under this key. */
    Entry find(String key);

    /**
     * What there is under a key.
     *
     * @param password the password to use: if the present one can't be, the last that could; empty if there was none
     * @param fault what is wrong with the present one, as a part of a sentence; empty if nothing is
     */
    record Entry(Optional<Password> password, Optional<String> fault) {}
}
