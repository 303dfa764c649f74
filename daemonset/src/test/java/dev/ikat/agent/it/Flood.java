package dev.ikat.agent.it;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** UDP datagrams, each of a connection of its own, as fast as one process can, to a pod that counts what arrives. */
final class Flood implements AutoCloseable {
    static final int PORT = 9999;
    private static final Pattern COUNTER = Pattern.compile("counter packets (\\d+)");

    private final TestNamespace victim;
    private final Process sender;

    private Flood(TestNamespace victim, Process sender) {
        this.victim = victim;
        this.sender = sender;
    }

    /** Begins to send, before the victim has the address if need be. */
    static Flood start(TestNamespace from, TestNamespace victim, IpAddress to) {
        return start(from, victim, to, to, PORT, "echo x");
    }

    /**
     * The same where what is to arrive is within what is sent.
     *
     * @param to the victim's address
     * @param end where it is sent to, and at which port
     * @param print the shell's command that prints a datagram's payload
     */
    static Flood start(TestNamespace from, TestNamespace victim, IpAddress to, IpAddress end, int port, String print) {
        victim.exec("nft", "add table inet witness");
        victim.exec("nft", "add chain inet witness arrived { type filter hook prerouting priority -300; }");
        String family = to.family() == IpFamily.IPV4 ? "ip" : "ip6";
        victim.exec(
                "nft", "add rule inet witness arrived " + family + " daddr " + to + " udp dport " + PORT + " counter");
        try {
            Process sender = new ProcessBuilder(from.entering(java.util.List.of(
                            "bash",
                            "-c",
                            "while [ -d /proc/$2 ]; do " + print + " > \"/dev/udp/$0/$1\"; done",
                            end.toString(),
                            Integer.toString(port),
                            Long.toString(ProcessHandle.current().pid()))))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return new Flood(victim, sender);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How many datagrams have arrived. */
    long arrived() {
        Matcher counter = COUNTER.matcher(victim.exec("nft", "list chain inet witness arrived"));
        if (!counter.find()) {
            throw new IllegalStateException("the witness has no counter");
        }
        return Long.parseLong(counter.group(1));
    }

    @Override
    public void close() {
        sender.destroyForcibly();
        try {
            sender.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
