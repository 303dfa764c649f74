package dev.ikat.testbed.traffic;

import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;

/**
 * Sends frames on links unchanged, and reports where they arrive: a script, created step by step, that {@link #run}
 * executes in one process. Marks in their content identify packets, so that one is recognized inside a tunnel or a
 * fragment too. Frames are sent in the order of the script, and stay in order if they take the same path.
 */
public final class Frames {
    /** The length of a mark in bytes. */
    public static final int MARK_BYTES = 8;

    private static final int MARK_PREFIX = 0x694b6174; // "iKat", as in frames.c
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final StringBuilder script = new StringBuilder();
    private int marks;
    private int places;

    /** A mark that no other packet of the script has. */
    public record Mark(int number) {
        /** The bytes that the packet has to contain. */
        public byte[] bytes() {
            return ByteBuffer.allocate(MARK_BYTES)
                    .putInt(MARK_PREFIX)
                    .putInt(number)
                    .array();
        }
    }

    /** A place where packets are looked for. */
    public record Place(int number, String name) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** What was seen in the end. */
    public record Sightings(Set<String> lines) {
        /** Whether a packet with the mark arrived there. */
        public boolean contains(Place place, Mark mark) {
            return lines.contains(place.number + " " + mark.number);
        }
    }

    /** Watches packets that arrive on a namespace's interface, before any filter; {@code *} means all interfaces. */
    public Place watch(String name, TestNamespace namespace, String link) {
        script.append("watch %d %s %s%n".formatted(places, namespace.path(), link));
        return new Place(places++, name);
    }

    /** Receives datagrams for a UDP port of the namespace, of either family. */
    public Place listen(String name, TestNamespace namespace, int port) {
        script.append("listen %d %s %d%n".formatted(places, namespace.path(), port));
        return new Place(places++, name);
    }

    /** A new mark. */
    public Mark mark() {
        return new Mark(marks++);
    }

    /** Sends a frame by a namespace's interface. */
    public void send(TestNamespace namespace, String link, byte[] frame) {
        script.append("send %s %s %s%n"
                .formatted(namespace.path(), link, HexFormat.of().formatHex(frame)));
    }

    /** Continues when the mark has arrived at the place, or after some seconds. */
    public void await(Place place, Mark mark) {
        await(place, mark, LIMIT);
    }

    /** The same with another limit. */
    public void await(Place place, Mark mark, Duration limit) {
        script.append("await %d %d %d%n".formatted(place.number, mark.number, limit.toMillis()));
    }

    /** Executes the script. */
    public Sightings run() {
        return new Sightings(new HashSet<>(ProcessRunner.of(Probe.program().toString(), "frames")
                .withInput(script.toString())
                .run()
                .orThrow()
                .stdout()
                .lines()
                .toList()));
    }
}
