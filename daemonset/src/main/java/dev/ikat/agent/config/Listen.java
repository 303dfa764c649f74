package dev.ikat.agent.config;

import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.Optional;

/** Where metrics and health are served. */
public sealed interface Listen {
    /** What stands for the node's addresses. */
    String NODE = "node";

    /**
     * Reads {@code 0}, {@code node:PORT} or {@code ADDRESS:PORT}.
     *
     * @throws IllegalArgumentException if it is none of these, in words for the operator
     */
    static Listen parse(String text) {
        if (text.equals("0")) {
            return new Nowhere();
        }
        if (text.matches(NODE + ":[0-9]{1,5}")) {
            return new OnNode(Integer.parseInt(text.substring(NODE.length() + 1)));
        }
        return new At(OptionReader.socketAddress(text));
    }

    /**
     * Reads {@code 0}, which is none, or {@code ADDRESS:PORT}.
     *
     * @throws IllegalArgumentException if it is neither, in words for the operator
     */
    static Optional<InetSocketAddress> address(String text) {
        return text.equals("0") ? Optional.empty() : Optional.of(OptionReader.socketAddress(text));
    }

    /** Nowhere. */
    record Nowhere() implements Listen {}

    /**
     * At one address, or at all.
     *
     * @param address the address, which the agent's host has, and the port
     */
    record At(InetSocketAddress address) implements Listen {
        public At {
            Objects.requireNonNull(address, "address");
        }
    }

    /**
     * At 127.0.0.1, and at each InternalIP of the node.
     *
     * @param port the port at all of them
     */
    record OnNode(int port) implements Listen {
        public OnNode {
            if (port < 1 || port > 65535) {
                throw new IllegalArgumentException("'" + NODE + ":" + port + "' is invalid: a port is 1 to 65535");
            }
        }
    }
}
