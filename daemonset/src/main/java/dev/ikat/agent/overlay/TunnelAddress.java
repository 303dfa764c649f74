package dev.ikat.agent.overlay;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The link-layer address of a node's tunnel link, derived from the node's address, so that every node can compute every
 * other node's.
 */
public final class TunnelAddress {
    /** Locally administered, unicast (IEEE 802, clause 8.4), then 'k'; the IPv4 address fills the rest. */
    private static final long IPV4_PREFIX = 0x0e6bL << 32;
    /** Locally administered, unicast, and never the prefix above; forty bits of a hash fill the rest. */
    private static final byte IPV6_FIRST_BYTE = 0x0a;

    private TunnelAddress() {}

    /** The link-layer address of a node with the address {@code node}. */
    public static MacAddress of(IpAddress node) {
        return switch (node.family()) {
            case IPV4 -> new MacAddress(IPV4_PREFIX | node.low());
            case IPV6 -> {
                byte[] mac = new byte[6];
                mac[0] = IPV6_FIRST_BYTE;
                System.arraycopy(sha256(node.toBytes()), 0, mac, 1, 5);
                yield MacAddress.of(mac);
            }
        };
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256, which every Java platform has, is missing", e);
        }
    }
}
