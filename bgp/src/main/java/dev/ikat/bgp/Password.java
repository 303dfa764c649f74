package dev.ikat.bgp;

/**
 * What the ends of a session sign their segments with (TCP-MD5, RFC 2385). It is not in {@link #toString}.
 *
 * @param text 1 to 80 printable characters of ASCII, without a double quote
 */
public record Password(String text) {
    /** {@code TCP_MD5SIG_MAXKEYLEN} (linux/tcp.h). */
    private static final int MOST = 80;

    public Password {
        if (text.isEmpty() || text.length() > MOST) {
            throw new IllegalArgumentException("has to be 1 to " + MOST + " characters, but is " + text.length());
        }
        if (!text.chars().allMatch(c -> c >= ' ' && c <= '~' && c != '"')) {
            throw new IllegalArgumentException("has to be printable characters of ASCII without double quotes");
        }
    }

    @Override
    public String toString() {
        return "(a password)";
    }
}
