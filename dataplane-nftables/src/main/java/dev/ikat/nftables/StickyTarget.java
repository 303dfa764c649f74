package dev.ikat.nftables;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The backends of a frontend with session affinity. Each has a set of the clients that it has, which end after some
 * time, and a chain that adds to it; the frontend has a chain that looks into these sets, and chooses for new clients.
 * A backend that goes takes its clients with it.
 *
 * @param frontend the frontend
 * @param outside whether these are the backends for connections from outside, where those are treated otherwise
 * @param backends the backends, by their indices
 * @param time how long after its last new connection a client keeps its backend
 */
record StickyTarget(Frontend frontend, boolean outside, List<Backend> backends, Duration time) {
    private static final String PREFIX = Owner.SERVICES.prefix();

    /** What the names of sets of clients begin with. */
    static final String CLIENTS = PREFIX + "clients-";

    /** The chain of the frontend. */
    String name() {
        return PREFIX + "sticky-" + suffix();
    }

    private String suffix() {
        return ServiceElement.key(frontend) + (outside ? "-outside" : "");
    }

    private IpFamily family() {
        return frontend.address().family();
    }

    /** The chain of a backend. */
    String chain(Backend backend) {
        return PREFIX + "to-" + suffix() + "-" + ServiceElement.socket(backend);
    }

    /** The set of a backend's clients. */
    String clients(Backend backend) {
        return CLIENTS + suffix() + "-" + ServiceElement.socket(backend);
    }

    /** The elements by which it chooses. */
    List<ServiceElement> choices() {
        int first = ServiceChain.firstIndex(outside);
        return IntStream.range(0, backends.size())
                .mapToObj(index -> ServiceElement.choice(frontend, first + index, chain(backends.get(index))))
                .toList();
    }

    /** Writes the rules of the frontend's chain. */
    void rules(NftablesBatch batch) {
        PacketWords words = PacketWords.of(family());
        for (Backend backend : backends) {
            words.source(words.rule(batch, name()), 0)
                    .in(clients(backend), 0)
                    .gotoChain(chain(backend))
                    .end();
        }
        words.destination(words.rule(batch, name()), 0)
                .random(words.address() + 2, backends.size(), ServiceChain.firstIndex(outside))
                .dispatch(ServiceSet.CHOICES.name(family()), 0)
                .end();
    }

    /** Writes the rules of a backend's chain. */
    void rules(NftablesBatch batch, Backend backend) {
        PacketWords words = PacketWords.of(family());
        words.source(words.rule(batch, chain(backend)), 0)
                .update(clients(backend), 0, time.toMillis())
                .end();
        // Also once there is no room for more clients.
        words.rule(batch, chain(backend))
                .value(0, backend.address().toBytes())
                .value(
                        words.address(),
                        ByteBuffer.allocate(2).putShort((short) backend.port()).array())
                .translateDestination(words.number(), 0, words.address())
                .end();
    }
}
