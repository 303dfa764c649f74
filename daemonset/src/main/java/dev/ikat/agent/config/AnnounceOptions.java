package dev.ikat.agent.config;

import java.util.List;

/**
 * What the operator wants of announcing load balancers' addresses by ARP and neighbour discovery.
 *
 * @param announced whether this node does it
 * @param interfaces the names of the interfaces, an asterisk at the end for all that begin so; empty for the uplink
 */
public record AnnounceOptions(boolean announced, List<String> interfaces) {
    public AnnounceOptions {
        interfaces = List.copyOf(interfaces);
    }
}
