package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestNamespace;

/** Numbered UDP datagrams from one namespace to another at an even rate, so that every loss is noticed. */
public final class NumberedStream implements AutoCloseable {
    private final ProbeConversation conversation;

    /**
     * The fate of the datagrams.
     *
     * @param sent how many were sent, or could not be sent
     * @param arrived how many different ones of them arrived
     * @param lost the first numbers that have not arrived, and why some could not be sent; for a person to read
     */
    public record Count(long sent, long arrived, String lost) {
        private static Count parse(String line) {
            String[] parts = line.split(" ", 3);
            return new Count(Long.parseLong(parts[0]), Long.parseLong(parts[1]), parts[2]);
        }

        /** Those that did not arrive, or not yet. */
        public long missing() {
            return sent - arrived;
        }
    }

    private NumberedStream(ProbeConversation conversation) {
        this.conversation = conversation;
    }

    /** Begins to send to an address that the receiver has. */
    public static NumberedStream start(
            TestNamespace sender, TestNamespace receiver, IpAddress to, int port, int perSecond) {
        return new NumberedStream(ProbeConversation.begin(
                "stream",
                sender.path().toString(),
                receiver.path().toString(),
                to.toString(),
                Integer.toString(port),
                Integer.toString(perSecond)));
    }

    /** The counts so far; some datagrams may still be under way. */
    public Count soFar() {
        return Count.parse(conversation.ask());
    }

    /** Stops sending, waits up to three seconds for the last datagrams, and returns the counts. */
    public Count end() {
        return Count.parse(conversation.end());
    }

    @Override
    public void close() {
        conversation.close();
    }
}
