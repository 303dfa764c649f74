package dev.ikat.nftables;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;

/**
 * A chain that chooses one of so many backends: services with equally many share it.
 *
 * @param family whose packets it is for
 * @param count how many backends
 * @param outside whether it is for connections from outside to frontends that treat those otherwise
 */
record ServiceChain(IpFamily family, int count, boolean outside) {
    /** From which index on a frontend has its backends for connections from outside. */
    static final int FIRST_OUTSIDE = 1 << 16;

    String name() {
        return Element.setName(Owner.SERVICES.prefix() + "pick-" + count + (outside ? "-outside" : ""), family);
    }

    /** Writes its rule. */
    void rules(NftablesBatch batch) {
        PacketWords words = PacketWords.of(family);
        // Behind the key: address, protocol, port and index.
        int value = words.address() + 3;
        words.destination(words.rule(batch, name()), 0)
                .random(words.address() + 2, count, outside ? FIRST_OUTSIDE : 0)
                .lookUp(ServiceSet.BACKENDS.name(family), 0, value)
                .translateDestination(words.number(), value, value + words.address())
                .end();
    }
}
