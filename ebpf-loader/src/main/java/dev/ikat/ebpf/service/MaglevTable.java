package dev.ikat.ebpf.service;

import dev.ikat.services.program.Backend;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which backend has which part of all connections, by Maglev's consistent hashing (Eisenbud and others, "Maglev: A Fast
 * and Reliable Software Network Load Balancer", NSDI 2016, section 3.4). Each backend has its own order of the parts,
 * and in turns each takes the first that is free. So they have as many parts each, give or take one, and a backend that
 * comes or goes changes little of what the others have. What comes out depends on nothing but the backends: every node
 * computes the same.
 */
final class MaglevTable {
    /**
     * The parts, {@code MAGLEV_SLOTS} in uplink.h: a prime number, as it has to be for every backend to get through
     * all.
     */
    static final int SLOTS = 1021;

    private MaglevTable() {}

    /** One backend's order of the parts: from one on, by steps of the same size. */
    private static final class Preference {
        private final int step;
        private int next;

        Preference(Backend backend) {
            byte[] address = backend.address().toBytes();
            byte[] socket = ByteBuffer.allocate(address.length + Short.BYTES)
                    .put(address)
                    .putShort((short) backend.port())
                    .array();
            long hash = hash(socket);
            next = (int) Long.remainderUnsigned(hash, SLOTS);
            step = (int) Long.remainderUnsigned(mix(hash), SLOTS - 1) + 1;
        }

        int take() {
            int taken = next;
            next = (next + step) % SLOTS;
            return taken;
        }
    }

    /**
     * For each part the position of its backend in the list.
     *
     * @param backends at least one, each once, in any order
     */
    static int[] of(List<Backend> backends) {
        int[] table = new int[SLOTS];
        Arrays.fill(table, -1);
        List<Preference> preferences = backends.stream().map(Preference::new).toList();
        int[] turns = IntStream.range(0, backends.size())
                .boxed()
                .sorted(Comparator.comparing(backends::get))
                .mapToInt(Integer::intValue)
                .toArray();
        for (int taken = 0; taken < SLOTS; taken++) {
            int position = turns[taken % turns.length];
            Preference preference = preferences.get(position);
            int part = preference.take();
            while (table[part] >= 0) {
                part = preference.take();
            }
            table[part] = position;
        }
        return table;
    }

    /** FNV-1a, and what it lacks: every bit of the result depends on every byte. */
    private static long hash(byte[] bytes) {
        long hash = 0xcbf29ce484222325L;
        for (byte each : bytes) {
            hash = (hash ^ Byte.toUnsignedInt(each)) * 0x100000001b3L;
        }
        return mix(hash);
    }

    /** The last steps of SplitMix64. */
    private static long mix(long hash) {
        long mixed = hash + 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ mixed >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }
}
