package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Lets equal parts of many objects be one: a cluster's pods have few different sets of labels, nodes and ports, and
 * those are most of what a pod takes. What no object has any more is forgotten. Thread-safe.
 */
final class Interner {
    /** How many texts of labels are remembered; a power of two. */
    private static final int TEXTS = 1 << 12;

    private final Parts parts = new SharedParts();
    /** Each known part by itself: a set, that tells which of its elements it has. */
    private final Map<Object, WeakReference<Object>> known = new WeakHashMap<>();

    /**
     * Keys of labels, and values that recur, each where its hash says, until another comes there. Most values belong to
     * one set of labels only, which is kept once anyhow: to remember each of them weakly would take as much as it does.
     */
    private final @Nullable String[] texts = new String[TEXTS];

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
        int hash = text.hashCode();
        int slot = (hash ^ hash >>> 16) & (TEXTS - 1);
        String there = texts[slot];
        if (there != null && there.equals(text)) {
            return there;
        }
        texts[slot] = text;
        return text;
    }

    @SuppressWarnings("unchecked") // what is equal is of one type here
    private <T> T one(T part) {
        WeakReference<Object> reference = known.get(part);
        Object before = reference == null ? null : reference.get();
        if (before != null) {
            return (T) before;
        }
        known.put(part, new WeakReference<>(part));
        return part;
    }

    /** How many parts are known. */
    synchronized int size() {
        return known.size();
    }
}
