package dev.ikat.bgp.bird;

import dev.ikat.bgp.Session;

/** Texts that may stand between quotes in a configuration of BIRD, which knows no way to escape one. */
final class BirdText {
    private BirdText() {}

    /**
     * The text as a string.
     *
     * @throws IllegalArgumentException if it has a character that would end the string or its line
     */
    static String quoted(String text) {
        if (!text.chars().allMatch(c -> c >= ' ' && c <= '~' && c != '"')) {
            throw new IllegalArgumentException("a text of " + text.length()
                    + " characters can't be a string of BIRD: it has a double quote, or one that is not printable");
        }
        return '"' + text + '"';
    }

    /** The name as a symbol. */
    static String symbol(Session.Name name) {
        return "'" + name.text() + "'";
    }
}
