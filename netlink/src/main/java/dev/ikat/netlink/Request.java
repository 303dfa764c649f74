package dev.ikat.netlink;

import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** One netlink message that asks the kernel for something, and the words that describe it. Immutable. */
public final class Request {
    private final String verb;
    private final Object subject;
    private final Set<Integer> ignored;
    private final byte[] message;
    private final Runnable check;

    private Request(String verb, Object subject, Set<Integer> ignored, byte[] message, Runnable check) {
        this.verb = verb;
        this.subject = subject;
        this.ignored = ignored;
        this.message = message;
        this.check = check;
    }

    /**
     * Creates a request.
     *
     * @param verb what is to be done, as errors say it: "add"
     * @param subject what it is done to, as errors say it
     * @param message the whole message (struct nlmsghdr, {@code linux/netlink.h}); its sequence number and port are
     *     filled in when it is sent
     */
    public static Request of(String verb, Object subject, byte[] message) {
        return new Request(verb, subject, Set.of(), message.clone(), () -> {});
    }

    /** The same request, but these error numbers count as success: EEXIST for what may already exist. */
    public Request ignoring(int... errno) {
        Set<Integer> all =
                Stream.concat(ignored.stream(), IntStream.of(errno).boxed()).collect(Collectors.toUnmodifiableSet());
        return new Request(verb, subject, all, message, check);
    }

    /**
     * The same request, but sent only if {@code check} does not throw: a message that refers to something by its
     * descriptor must not be sent once that was closed.
     */
    public Request provided(Runnable check) {
        return new Request(verb, subject, ignored, message, check);
    }

    /** The message; callers must not modify it. Throws what the check of {@link #provided} throws. */
    public byte[] bytes() {
        check.run();
        return message;
    }

    /** Whether this error number counts as success. */
    public boolean ignores(int errno) {
        return ignored.contains(errno);
    }

    /** What it asks for: "add route 10.1.0.5/32 on link 7 protocol 107". */
    @Override
    public String toString() {
        return verb + " " + subject;
    }
}
