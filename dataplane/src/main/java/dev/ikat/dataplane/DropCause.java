package dev.ikat.dataplane;

import java.util.Optional;
import java.util.stream.Stream;

/**
 * Why a packet was dropped. Every dataplane logs a packet with the prefix of its cause, by which the reader of the log
 * recognizes the cause.
 */
public enum DropCause {
    /** The receiver's policy does not allow it. */
    INGRESS('i', "ingress"),
    /** The sender's policy does not allow it. */
    EGRESS('e', "egress"),
    /** A pod sent it from an address that is not its own. */
    SPOOFED('s', "spoofed"),
    /** It goes to an interface that has no policy yet, or no longer. */
    CLOSED('u', "closed"),
    /** A pod sent it to the nodes' tunnels. */
    TUNNEL_FROM_POD('p', "tunnel-from-pod"),
    /** A host that is not a node sent it to the nodes' tunnels. */
    TUNNEL_FROM_STRANGER('x', "tunnel-from-stranger"),
    /** Its source is a node's pod or this node, and it did not arrive on that source's path. */
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

    /** Its one-letter code in the programs in C. */
    public char code() {
        return code;
    }

    /** Its name in metrics and log lines. */
    public String label() {
        return label;
    }

    /** The beginning of the prefix of packets that were dropped for this cause; more words may follow. */
    public String prefix() {
        return prefix(code);
    }

    /** The beginning of the prefix of packets with this code. */
    public static String prefix(char code) {
        return PREFIX + code;
    }

    /**
     * The cause that a logged packet's prefix names; empty if another program's rule or an accepted connection is
     * logged.
     */
    public static Optional<DropCause> of(String prefix) {
        String[] words = prefix.split(" ", 3);
        return Stream.of(values())
                .filter(cause -> words.length > 1 && (words[0] + " " + words[1]).equals(cause.prefix()))
                .findFirst();
    }
}
