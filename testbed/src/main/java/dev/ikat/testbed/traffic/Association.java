package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.TestNamespace;
import java.util.Optional;

/** An SCTP association of the kernel's own sockets, whose ends each send a message every 20 ms. */
public final class Association implements AutoCloseable {
    private final ProbeConversation conversation;

    /**
     * How many messages have arrived.
     *
     * @param byServer those of the client
     * @param byClient those of the server
     */
    public record Received(long byServer, long byClient) {}

    private Association(ProbeConversation conversation) {
        this.conversation = conversation;
    }

    /**
     * Opens one to an address of the server's namespace; empty if the kernel has no SCTP sockets.
     *
     * @throws CommandFailedException if the server can't be reached within ten seconds
     */
    public static Optional<Association> begin(TestNamespace client, TestNamespace server, IpAddress to, int port) {
        ProbeConversation conversation = ProbeConversation.begin(
                "associate", client.path().toString(), server.path().toString(), to.toString(), Integer.toString(port));
        String begun = conversation.line();
        if ("begun".equals(begun)) {
            return Optional.of(new Association(conversation));
        }
        conversation.close();
        if ("unsupported".equals(begun)) {
            return Optional.empty();
        }
        throw new CommandFailedException("no SCTP association with " + to + " port " + port);
    }

    /** The counts so far. */
    public Received soFar() {
        String[] numbers = conversation.ask().split(" ", 2);
        return new Received(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]));
    }

    @Override
    public void close() {
        conversation.close();
    }
}
