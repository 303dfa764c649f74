package dev.ikat.nftables;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.RuleWriter;
import dev.ikat.netlink.netfilter.RuleWriter.Meta;

/**
 * What rules read of a family's packets.
 *
 * @param number of the family, NFPROTO_* ({@code linux/netfilter.h})
 * @param address how many registers an address takes
 * @param sourceOffset where the source address is in the header
 * @param destinationOffset where the destination address is
 * @param icmp its ICMP's protocol number
 * @param echoRequest the type of an echo request
 */
record PacketWords(int number, int address, int sourceOffset, int destinationOffset, int icmp, int echoRequest) {
    private static final PacketWords IPV4 = new PacketWords(2, 1, 12, 16, 1, 8);
    private static final PacketWords IPV6 = new PacketWords(10, 4, 8, 24, 58, 128);

    /** Where TCP, UDP and SCTP have the destination port. */
    private static final int PORT_OFFSET = 2;

    static PacketWords of(IpFamily family) {
        return switch (family) {
            case IPV4 -> IPV4;
            case IPV6 -> IPV6;
        };
    }

    /** Begins a rule for packets of this family. */
    RuleWriter rule(NftablesBatch batch, String chain) {
        return RuleWriter.append(batch, NftablesTable.NAME, chain)
                .meta(0, Meta.NFPROTO)
                .equal(0, (byte) number);
    }

    RuleWriter source(RuleWriter rule, int register) {
        return rule.network(register, sourceOffset, 4 * address);
    }

    RuleWriter destinationAddress(RuleWriter rule, int register) {
        return rule.network(register, destinationOffset, 4 * address);
    }

    /** Reads destination address, protocol and destination port. */
    RuleWriter destination(RuleWriter rule, int register) {
        return destinationAddress(rule, register)
                .meta(register + address, Meta.L4PROTO)
                .transport(register + address + 1, PORT_OFFSET, 2);
    }

    RuleWriter echoRequest(RuleWriter rule) {
        return rule.meta(0, Meta.L4PROTO)
                .equal(0, (byte) icmp)
                .transport(0, 0, 1)
                .equal(0, (byte) echoRequest);
    }
}
