package dev.ikat.netlink.netfilter;

/** Something of a packet that a rule may look at, in the numbers of {@code linux/netfilter/nf_tables.h}. */
public sealed interface PacketField {
    /** What the kernel knows of it, {@code enum nft_meta_keys}. */
    record Meta(int key) implements PacketField {}

    /** What connection tracking knows of it, {@code enum nft_ct_keys}. */
    record Connection(int key) implements PacketField {}

    /** A part of one of its headers, {@code enum nft_payload_bases}; offset and length are in bytes. */
    record Header(int base, int offset, int length) implements PacketField {}
}
