package dev.ikat.services.program;

import dev.ikat.model.IpAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;

/**
 * A client that has its backend by session affinity.
 *
 * @param address the client's address, of the same family as the frontend's
 * @param frontend to which it connects
 * @param backend to which its connections go
 * @param left how much longer, more than nothing, unless it connects again
 */
public record StickyClient(IpAddress address, Frontend frontend, Backend backend, Duration left) {
    public StickyClient {
        if (!left.isPositive()) {
            throw new IllegalArgumentException(address + " has its backend for " + left + ", which is over");
        }
    }

    /**
     * One for each client of a frontend, where several dataplanes have had it: the one with the most time left, by
     * which it has connected last.
     */
    public static List<StickyClient> latest(Collection<StickyClient> clients) {
        record Connecting(IpAddress client, Frontend frontend) {}

        Map<Connecting, StickyClient> latest = new LinkedHashMap<>();
        clients.forEach(client -> latest.merge(
                new Connecting(client.address, client.frontend),
                client,
                BinaryOperator.maxBy(Comparator.comparing(StickyClient::left))));
        return List.copyOf(latest.values());
    }
}
