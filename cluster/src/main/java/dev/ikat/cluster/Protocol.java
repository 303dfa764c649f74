package dev.ikat.cluster;

/** The transport protocols that Kubernetes knows. */
public enum Protocol {
    /** IP protocol 6. */
    TCP(6),
    /** IP protocol 17. */
    UDP(17),
    /** IP protocol 132. */
    SCTP(132);

    private final int number;

    Protocol(int number) {
        this.number = number;
    }

    /** Its number in the IP header. */
    public int number() {
        return number;
    }
}
