package dev.ikat.cluster;

import java.util.ArrayList;
import java.util.List;

/**
 * A mark on a route that routers can act on: two numbers of 16 bits (RFC 1997), or three of 32 (RFC 8092).
 *
 * @param parts the numbers
 */
public record BgpCommunity(List<Long> parts) implements Comparable<BgpCommunity> {
    private static final int MOST_DIGITS = 10;
    private static final long MOST_SHORT = 0xffffL;
    private static final long MOST_LARGE = 0xffff_ffffL;

    public BgpCommunity {
        parts = List.copyOf(parts);
        if (parts.size() != 2 && parts.size() != 3) {
            throw new IllegalArgumentException("a community has two or three numbers, not " + parts.size());
        }
        long most = parts.size() == 2 ? MOST_SHORT : MOST_LARGE;
        for (long part : parts) {
            if (part < 0 || part > most) {
                throw new IllegalArgumentException(
                        "a number of a community of " + parts.size() + " has to be 0 to " + most + ", but is " + part);
            }
        }
    }

    /**
     * Reads a community, as in {@code 64500:100} or {@code 64500:1:2}.
     *
     * @throws IllegalArgumentException if it is none
     */
    public static BgpCommunity parse(String text) {
        List<Long> parts = new ArrayList<>();
        for (String part : text.split(":", -1)) {
            boolean digits = !part.isEmpty()
                    && part.length() <= MOST_DIGITS
                    && part.chars().allMatch(c -> c >= '0' && c <= '9');
            if (!digits) {
                throw new IllegalArgumentException(
                        "invalid community '" + text + "'; write it as 64500:100 or as 64500:1:2");
            }
            parts.add(Long.parseLong(part));
        }
        return new BgpCommunity(parts);
    }

    /** Whether it has three numbers. */
    public boolean isLarge() {
        return parts.size() == 3;
    }

    /** Those of two numbers first, then by the numbers. */
    @Override
    public int compareTo(BgpCommunity other) {
        int order = Integer.compare(parts.size(), other.parts.size());
        for (int i = 0; order == 0 && i < parts.size(); i++) {
            order = parts.get(i).compareTo(other.parts.get(i));
        }
        return order;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        parts.forEach(part -> text.append(text.isEmpty() ? "" : ":").append(part));
        return text.toString();
    }
}
