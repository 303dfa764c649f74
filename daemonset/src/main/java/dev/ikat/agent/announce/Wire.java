package dev.ikat.agent.announce;

import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.ArpPacket;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;

/** Sends what tells hosts on a link where an address is. */
interface Wire {
    void send(MacAddress to, ArpPacket packet);

    void send(MacAddress to, Advertisement packet);
}
