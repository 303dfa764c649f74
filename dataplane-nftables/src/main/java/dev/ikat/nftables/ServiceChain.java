package dev.ikat.nftables;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;

/**
 * A chain that chooses one of at most so many backends: services with about as many share it. The kernel goes through
 * all elements of a map of chains when one of them changes, so a frontend keeps its chain while its backends come and
 * go. The chain draws the index of a backend, and draws again if the frontend has none there.
 *
 * @param family whose packets it is for
 * @param slots how many backends a frontend may have, a power of two
 * @param outside whether it is for connections from outside to frontends that treat those otherwise
 */
record ServiceChain(IpFamily family, int slots, boolean outside) {
    /** From which index on a frontend has its backends for connections from outside. */
    private static final int FIRST_OUTSIDE = 1 << 16;

    /**
     * How often it draws. Usually more than half of the slots have a backend, and always more than 3/8: the first
     * backend, which gets what is left, gets at most 0.06 % more.
     */
    private static final int DRAWS = 16;

    /**
     * The number of slots for so many backends.
     *
     * @param former how many there were; 0 if there were none
     */
    static int slots(int count, int former) {
        int needed = count == 1 ? 1 : Integer.highestOneBit(count - 1) << 1;
        return count <= former && count > former * 3 / 8 ? former : needed;
    }

    String name() {
        return Element.setName(Owner.SERVICES.prefix() + "pick-" + slots + (outside ? "-outside" : ""), family);
    }

    /** From which index on a frontend has its backends of one of the two kinds. */
    static int firstIndex(boolean outside) {
        return outside ? FIRST_OUTSIDE : 0;
    }

    /** Writes its rules. */
    void rules(NftablesBatch batch) {
        int draws = slots == 1 ? 0 : DRAWS;
        for (int i = 0; i < draws; i++) {
            draw(batch, slots);
        }
        draw(batch, 1);
    }

    private void draw(NftablesBatch batch, int among) {
        PacketWords words = PacketWords.of(family);
        // Behind the key: address, protocol, port and index.
        int value = words.address() + 3;
        words.destination(words.rule(batch, name()), 0)
                .random(words.address() + 2, among, firstIndex(outside))
                .lookUp(ServiceSet.BACKENDS.name(family), 0, value)
                .translateDestination(words.number(), value, value + words.address())
                .end();
    }
}
