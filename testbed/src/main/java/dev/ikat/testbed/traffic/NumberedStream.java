package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestNamespace;

/** Numbered UDP datagrams from one namespace to another at an even pace, none of which may get lost unnoticed. */
public final class NumberedStream implements AutoCloseable {
    private final ProbeConversation conversation;

    /**
     * What became of the datagrams.
     *
     * @param sent how many were sent, or could not be
     * @param arrived how many different ones of them arrived
     * @param lost the first numbers that have not arrived, and what kept some from being sent; for a person to read
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

    /** How it stands; some may be on their way. */
    public Count soFar() {
        return Count.parse(conversation.ask());
    }

    /** Sends no more, waits up to three seconds for the last, and returns how it went. */
    public Count end() {
        return Count.parse(conversation.end());
    }

    @Override
    public void close() {
        conversation.close();
    }
}
