package dev.ikat.netlink.packet;

import dev.ikat.model.MacAddress;
import java.nio.ByteBuffer;

/**
 * A packet that has arrived on a link.
 *
 * @param protocol what is in it: ETH_P_*, linux/if_ether.h
 * @param from the station that sent it
 * @param payload what follows the Ethernet header, in network byte order; not to be changed
 */
public record Packet(int protocol, MacAddress from, ByteBuffer payload) {}
