package dev.ikat.dataplane;

import java.util.Optional;
import java.util.stream.Stream;

/**
 * Why a packet was dropped. Every dataplane logs it with the cause's prefix, and whoever reads the log knows it by
 * that.
 */
public enum DropCause {
    /** The receiver's policy does not let it in. */
    INGRESS('i', "ingress"),
    /** The sender's policy does not let it out. */
    EGRESS('e', "egress"),
    /** A pod sent it from an address that is not its own. */
    SPOOFED('s', "spoofed"),
    /** It goes to an interface that has no policy yet, or no longer. */
    CLOSED('u', "closed"),
    /** A pod sent it to the nodes' tunnels. */
    TUNNEL_FROM_POD('p', "tunnel-from-pod"),
    /** Somebody who is no node sent it to the nodes' tunnels. */
    TUNNEL_FROM_STRANGER('x', "tunnel-from-stranger"),
    /** Its source is one of a node's pods, or this node, and does not come this way. */
    SPOOFED_BLOCK('b', "spoofed-node-block");

    /** What every prefix of a logged packet begins with (NFLOG's prefix, at most 63 characters). */
    private static final String PREFIX = "ikat ";

    /** The code of an accepted connection that was sampled. */
    public static final char ACCEPTED_CODE = 'a';

    /** The prefix of an accepted connection that was sampled. */
    public static final String ACCEPTED = prefix(ACCEPTED_CODE);

    private final char code;
    private final String label;

    DropCause(char code, String label) {
        this.code = code;
        this.label = label;
    }

    /** Its one letter, as programs in C tell it. */
    public char code() {
        return code;
    }

    /** Its name in metrics and log lines. */
    public String label() {
        return label;
    }

    /** What a logged packet that was dropped for this cause is marked with; more words may follow. */
    public String prefix() {
        return prefix(code);
    }

    /** What a logged packet with this code is marked with. */
    public static String prefix(char code) {
        return PREFIX + code;
    }

    /**
     * The cause that a logged packet's prefix names; empty where it is somebody else's, or an accepted connection's.
     */
    public static Optional<DropCause> of(String prefix) {
        String[] words = prefix.split(" ", 3);
        return Stream.of(values())
                .filter(cause -> words.length > 1 && (words[0] + " " + words[1]).equals(cause.prefix()))
                .findFirst();
    }
}
