package dev.ikat.agent.announce;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;

/**
 * Another host says that an address is its own that this node announces.
 *
 * @param address the address
 * @param by the station of that host, which is none of the cluster's nodes
 */
public record AddressConflict(IpAddress address, MacAddress by) {
    @Override
    public String toString() {
        return address + " is also claimed by the host with the link-layer address " + by
                + ", which is no node that announces; take the address away from that host, or out of its AddressPool";
    }
}
