package dev.ikat.bgp;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Prefixes that are announced for the same reasons, and so to the same neighbours with the same attributes.
 *
 * @param reasons why they are announced
 * @param prefixes the prefixes in order, each once
 */
public record RouteGroup(Reasons reasons, List<Cidr> prefixes) {
    public RouteGroup {
        prefixes = List.copyOf(prefixes);
        if (reasons.isNone()) {
            throw new IllegalArgumentException("nothing says that " + prefixes + " are announced");
        }
    }

    /** Those of this family, in order. */
    public List<Cidr> prefixes(IpFamily family) {
        return prefixes.stream().filter(prefix -> prefix.family() == family).toList();
    }

    /**
     * Why a prefix is announced.
     *
     * @param nodes whether it is announced to other nodes, as pods of this one are in it
     * @param advertisements the names of the BgpAdvertisements that say so, in order, each once
     */
    public record Reasons(boolean nodes, List<String> advertisements) implements Comparable<Reasons> {
        private static final Comparator<Reasons> ORDER =
                Comparator.comparing(Reasons::nodes).thenComparing(Reasons::text);

        public Reasons {
            advertisements = List.copyOf(new TreeSet<>(advertisements));
        }

        boolean isNone() {
            return !nodes && advertisements.isEmpty();
        }

        /** No name of an object has a blank. */
        private String text() {
            return String.join(" ", advertisements);
        }

        /** Eight hexadecimal digits, the same for the same reasons and for no others. */
        public String id() {
            return "%08x".formatted(Fingerprint.of(nodes + " " + text()));
        }

        /** By what they are. */
        @Override
        public int compareTo(Reasons other) {
            return ORDER.compare(this, other);
        }
    }
}
