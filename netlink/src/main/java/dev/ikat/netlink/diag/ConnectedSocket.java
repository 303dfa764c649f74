package dev.ikat.netlink.diag;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;

/**
 * A socket of UDP that is connected.
 *
 * @param family the socket's; one of IPv6 may speak IPv4
 * @param peer with whom it is connected; of that address's own family
 * @param peerPort at which port
 * @param cookie its number, which no other socket ever has (SO_COOKIE)
 * @param words struct inet_diag_sockid as the kernel wrote it, in words of 32 bits
 */
public record ConnectedSocket(IpFamily family, IpAddress peer, int peerPort, long cookie, List<Integer> words) {
    public ConnectedSocket {
        words = List.copyOf(words);
    }
}
