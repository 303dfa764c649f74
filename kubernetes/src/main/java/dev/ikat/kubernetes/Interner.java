package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * Lets equal parts of many objects be one: a cluster's pods have few different sets of labels, nodes and ports, and
 * those are most of what a pod takes. What no object has any more is forgotten. Thread-safe.
 */
final class Interner {
    /** How many texts of labels are remembered; a power of two. */
    private static final int TEXTS = 1 << 12;

    private static final int SMALLEST = 64;

    private final Parts parts = new SharedParts();
    private final ReferenceQueue<Object> gone = new ReferenceQueue<>();
    private @Nullable Held[] chains = new Held[SMALLEST];
    private int size;

    /**
     * Keys of labels, and values that recur, each where its hash says, until another comes there. Most values belong to
     * one set of labels only, which is kept once anyhow: to remember each of them weakly would take as much as it does.
     */
    private final @Nullable String[] texts = new String[TEXTS];

    /** One known part, as long as an object has it. */
    private static final class Held extends WeakReference<Object> {
        private final int hash;
        private @Nullable Held next;

        Held(Object part, ReferenceQueue<Object> gone, int hash, @Nullable Held next) {
            super(part, gone);
            this.hash = hash;
            this.next = next;
        }
    }

    /** What an object's parts are put through while it is interned. */
    interface Parts {
        /** The part that is equal to this one and has been there before; else this one. */
        <T> T one(T part);

        /** Labels, which share also what is within them. */
        Labels labels(Labels labels);
    }

    /** The same object, of shared parts. */
    synchronized ClusterObject intern(ApiKind<?> kind, ClusterObject object) {
        return kind.share(object, parts);
    }

    private final class SharedParts implements Parts {
        @Override
        public <T> T one(T part) {
            return Interner.this.one(part);
        }

        @Override
        public Labels labels(Labels labels) {
            return labels.isEmpty() ? Labels.NONE : one(labels.sharing(Interner.this::text));
        }
    }

    private String text(String text) {
        int slot = spread(text.hashCode()) & (TEXTS - 1);
        String there = texts[slot];
        if (there != null && there.equals(text)) {
            return there;
        }
        texts[slot] = text;
        return text;
    }

    private static int spread(int hash) {
        return hash ^ hash >>> 16;
    }

    @SuppressWarnings("unchecked") // what is equal is of one type here
    private <T> T one(T value) {
        forgetGone();
        int hash = spread(value.hashCode());
        for (Held held = chains[hash & (chains.length - 1)]; held != null; held = held.next) {
            Object known = held.hash == hash ? held.get() : null;
            if (known != null && known.equals(value)) {
                return (T) known;
            }
        }
        if (size == chains.length) {
            grow();
        }
        int chain = hash & (chains.length - 1);
        chains[chain] = new Held(value, gone, hash, chains[chain]);
        size++;
        return value;
    }

    private void grow() {
        @Nullable Held[] before = chains;
        chains = new Held[2 * before.length];
        for (Held first : before) {
            for (Held held = first; held != null; ) {
                Held next = held.next;
                int chain = held.hash & (chains.length - 1);
                held.next = chains[chain];
                chains[chain] = held;
                held = next;
            }
        }
    }

    private void forgetGone() {
        for (Reference<?> dead = gone.poll(); dead != null; dead = gone.poll()) {
            Held held = (Held) dead;
            int chain = held.hash & (chains.length - 1);
            Held before = null;
            for (Held at = chains[chain]; at != held && at != null; at = at.next) {
                before = at;
            }
            if (before == null) {
                chains[chain] = held.next;
            } else {
                before.next = held.next;
            }
            size--;
        }
    }

    /** How many parts are known. */
    synchronized int size() {
        forgetGone();
        return size;
    }
}
