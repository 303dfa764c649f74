/**
 * Packets as they are on a link, beneath IP: {@link dev.ikat.netlink.packet.PacketPort} receives and sends them, and
 * {@link dev.ikat.netlink.packet.ArpPacket} and {@link dev.ikat.netlink.packet.NeighbourPacket} are what hosts find
 * each other by. What a packet says is checked when it is read; one that breaks a rule of its protocol is none.
 */
@NullMarked
package dev.ikat.netlink.packet;

import org.jspecify.annotations.NullMarked;
