package dev.ikat.netlink.netfilter;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes one rule of nf_tables into a transaction, expression by expression, in the order in which the kernel runs them
 * ({@code linux/netfilter/nf_tables.h}). nft(8) of all versions has to be able to list what is written by it: version
 * 1.0.6 ends with a failed assertion at keys and values that are put together of a map's values, or of ports of
 * connection tracking.
 *
 * <p>Values are in registers of four bytes each; one that is longer goes on in those that follow.
 */
public final class RuleWriter {
    private static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_EXPRESSIONS = 4;
    private static final int NFTA_LIST_ELEM = 1;
    private static final int NFTA_EXPR_NAME = 1;
    private static final int NFTA_EXPR_DATA = 2;

    private static final int NFTA_DATA_VALUE = 1;
    private static final int NFTA_DATA_VERDICT = 2;
    private static final int NFTA_VERDICT_CODE = 1;
    private static final int NFTA_VERDICT_CHAIN = 2;

    /** The first and the number of the registers of four bytes, {@code enum nft_registers}. */
    private static final int NFT_REG32_00 = 8;

    private static final int REGISTERS = 16;
    private static final int NFT_REG_VERDICT = 0;

    private static final int NFTA_PAYLOAD_DREG = 1;
    private static final int NFTA_PAYLOAD_BASE = 2;
    private static final int NFTA_PAYLOAD_OFFSET = 3;
    private static final int NFTA_PAYLOAD_LEN = 4;
    private static final int NFT_PAYLOAD_NETWORK_HEADER = 1;
    private static final int NFT_PAYLOAD_TRANSPORT_HEADER = 2;

    private static final int NFTA_META_DREG = 1;
    private static final int NFTA_META_KEY = 2;
    private static final int NFTA_META_SREG = 3;

    private static final int NFTA_CT_DREG = 1;
    private static final int NFTA_CT_KEY = 2;

    private static final int NFTA_CMP_SREG = 1;
    private static final int NFTA_CMP_OP = 2;
    private static final int NFTA_CMP_DATA = 3;
    private static final int NFT_CMP_EQ = 0;
    private static final int NFT_CMP_NEQ = 1;

    private static final int NFTA_BITWISE_SREG = 1;
    private static final int NFTA_BITWISE_DREG = 2;
    private static final int NFTA_BITWISE_LEN = 3;
    private static final int NFTA_BITWISE_MASK = 4;
    private static final int NFTA_BITWISE_XOR = 5;

    private static final int NFTA_FIB_DREG = 1;
    private static final int NFTA_FIB_RESULT = 2;
    private static final int NFTA_FIB_FLAGS = 3;
    private static final int NFT_FIB_RESULT_ADDRTYPE = 3;
    private static final int NFTA_FIB_F_SADDR = 1;

    private static final int NFTA_NG_DREG = 1;
    private static final int NFTA_NG_MODULUS = 2;
    private static final int NFTA_NG_TYPE = 3;
    private static final int NFTA_NG_OFFSET = 4;
    private static final int NFT_NG_RANDOM = 1;

    private static final int NFTA_LOOKUP_SET = 1;
    private static final int NFTA_LOOKUP_SREG = 2;
    private static final int NFTA_LOOKUP_DREG = 3;

    private static final int NFTA_DYNSET_SET_NAME = 1;
    private static final int NFTA_DYNSET_OP = 3;
    private static final int NFTA_DYNSET_SREG_KEY = 4;
    private static final int NFTA_DYNSET_TIMEOUT = 6;
    private static final int NFT_DYNSET_OP_UPDATE = 1;

    private static final int NFTA_NAT_TYPE = 1;
    private static final int NFTA_NAT_FAMILY = 2;
    private static final int NFTA_NAT_REG_ADDR_MIN = 3;
    private static final int NFTA_NAT_REG_PROTO_MIN = 5;
    private static final int NFT_NAT_DNAT = 1;

    private static final int NFTA_MASQ_FLAGS = 1;
    /** NF_NAT_RANGE_PROTO_RANDOM_FULLY, {@code linux/netfilter/nf_nat.h}. */
    private static final int RANDOM_FULLY = 1 << 4;

    private static final int NFTA_REJECT_TYPE = 1;
    private static final int NFTA_REJECT_ICMP_CODE = 2;
    private static final int NFT_REJECT_TCP_RST = 1;
    private static final int NFT_REJECT_ICMPX_UNREACH = 2;
    private static final byte NFT_REJECT_ICMPX_PORT_UNREACH = 1;

    private static final int NFTA_IMMEDIATE_DREG = 1;
    private static final int NFTA_IMMEDIATE_DATA = 2;
    private static final int NF_DROP = 0;
    private static final int NFT_GOTO = -4;
    private static final int NFT_RETURN = -5;

    private final NftablesBatch batch;
    private final int list;

    private RuleWriter(NftablesBatch batch, int list) {
        this.batch = batch;
        this.list = list;
    }

    /** What of a packet, or of how it travels, is known without reading it: {@code enum nft_meta_keys}. */
    public enum Meta {
        /** Its mark; in the host's byte order. */
        MARK(3),
        /** The index of the interface by which it came, 0 for the node's own; in the host's byte order. */
        IIF(4),
        /** The name of the interface by which it leaves, 16 bytes. */
        OIFNAME(7),
        /** NFPROTO_IPV4 or NFPROTO_IPV6, one byte. */
        NFPROTO(15),
        /** The transport protocol, one byte. */
        L4PROTO(16);

        private final int number;

        Meta(int number) {
            this.number = number;
        }
    }

    /** What connection tracking knows of a packet's connection: {@code enum nft_ct_keys}. */
    public enum Ct {
        /** NF_CT_STATE_*; in the host's byte order. */
        STATE(0);

        private final int number;

        Ct(int number) {
            this.number = number;
        }
    }

    /** Begins a rule at the end of a chain of a table of the family {@code inet}. */
    public static RuleWriter append(NftablesBatch batch, String table, String chain) {
        batch.beginAppended(NftablesBatch.NFT_MSG_NEWRULE)
                .text(NFTA_RULE_TABLE, table)
                .text(NFTA_RULE_CHAIN, chain);
        return new RuleWriter(batch, batch.nested(NFTA_RULE_EXPRESSIONS));
    }

    /** Ends the rule. */
    public void end() {
        batch.endNested(list).end();
    }

    /** Reads bytes of the network header. */
    public RuleWriter network(int register, int offset, int length) {
        return payload(register, NFT_PAYLOAD_NETWORK_HEADER, offset, length);
    }

    /** Reads bytes of the transport header; the rule ends where the packet has none. */
    public RuleWriter transport(int register, int offset, int length) {
        return payload(register, NFT_PAYLOAD_TRANSPORT_HEADER, offset, length);
    }

    private RuleWriter payload(int register, int base, int offset, int length) {
        return expression(
                "payload",
                () -> batch.number(NFTA_PAYLOAD_DREG, number(register))
                        .number(NFTA_PAYLOAD_BASE, base)
                        .number(NFTA_PAYLOAD_OFFSET, offset)
                        .number(NFTA_PAYLOAD_LEN, length));
    }

    /** Reads what is known of the packet. */
    public RuleWriter meta(int register, Meta key) {
        return expression(
                "meta", () -> batch.number(NFTA_META_DREG, number(register)).number(NFTA_META_KEY, key.number));
    }

    /** Reads what is known of the packet's connection. */
    public RuleWriter ct(int register, Ct key) {
        return expression(
                "ct", () -> batch.number(NFTA_CT_DREG, number(register)).number(NFTA_CT_KEY, key.number));
    }

    /** Reads the type of the source address, RTN_* ({@code linux/rtnetlink.h}), in the host's byte order. */
    public RuleWriter sourceType(int register) {
        return expression(
                "fib",
                () -> batch.number(NFTA_FIB_DREG, number(register))
                        .number(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
                        .number(NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR));
    }

    /** A random number from {@code offset} to {@code offset + count - 1}, in the host's byte order. */
    public RuleWriter random(int register, int count, int offset) {
        return expression(
                "numgen",
                () -> batch.number(NFTA_NG_DREG, number(register))
                        .number(NFTA_NG_MODULUS, count)
                        .number(NFTA_NG_TYPE, NFT_NG_RANDOM)
                        .number(NFTA_NG_OFFSET, offset));
    }

    /** Goes on only if the register has these bytes. */
    public RuleWriter equal(int register, byte... value) {
        return compare(register, NFT_CMP_EQ, value);
    }

    /** Goes on only if the register has other bytes. */
    public RuleWriter unequal(int register, byte... value) {
        return compare(register, NFT_CMP_NEQ, value);
    }

    private RuleWriter compare(int register, int operation, byte[] value) {
        return expression("cmp", () -> {
            batch.number(NFTA_CMP_SREG, number(register)).number(NFTA_CMP_OP, operation);
            data(NFTA_CMP_DATA, value);
        });
    }

    /** Keeps these bits of four bytes. */
    public RuleWriter mask(int register, byte[] bits) {
        return mask(register, bits, new byte[bits.length]);
    }

    /** Keeps these bits of four bytes, then inverts others. */
    public RuleWriter mask(int register, byte[] kept, byte[] inverted) {
        return expression("bitwise", () -> {
            batch.number(NFTA_BITWISE_SREG, number(register))
                    .number(NFTA_BITWISE_DREG, number(register))
                    .number(NFTA_BITWISE_LEN, kept.length);
            data(NFTA_BITWISE_MASK, kept);
            data(NFTA_BITWISE_XOR, inverted);
        });
    }

    /** Gives the packet this mark; only {@link Meta#MARK} can be set. */
    public RuleWriter setMark(int register) {
        return expression(
                "meta", () -> batch.number(NFTA_META_KEY, Meta.MARK.number).number(NFTA_META_SREG, number(register)));
    }

    /** Goes on only if the set has what begins in this register. */
    public RuleWriter in(String set, int register) {
        return expression("lookup", () -> batch.text(NFTA_LOOKUP_SET, set).number(NFTA_LOOKUP_SREG, number(register)));
    }

    /** Reads a map's value for the key that begins in this register; goes on only if it has one. */
    public RuleWriter lookUp(String map, int key, int value) {
        return expression(
                "lookup",
                () -> batch.text(NFTA_LOOKUP_SET, map)
                        .number(NFTA_LOOKUP_SREG, number(key))
                        .number(NFTA_LOOKUP_DREG, number(value)));
    }

    /** Does what a map says for the key that begins in this register; goes on if it says nothing. */
    public RuleWriter dispatch(String map, int key) {
        return expression(
                "lookup",
                () -> batch.text(NFTA_LOOKUP_SET, map)
                        .number(NFTA_LOOKUP_SREG, number(key))
                        .number(NFTA_LOOKUP_DREG, NFT_REG_VERDICT));
    }

    /** Adds an element to a set, or has it stay there for as long again. */
    public RuleWriter update(String set, int key, long milliseconds) {
        return expression(
                "dynset",
                () -> batch.text(NFTA_DYNSET_SET_NAME, set)
                        .number(NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE)
                        .number(NFTA_DYNSET_SREG_KEY, number(key))
                        .longNumber(NFTA_DYNSET_TIMEOUT, milliseconds));
    }

    /** Puts a value into a register. */
    public RuleWriter value(int register, byte... value) {
        return expression("immediate", () -> {
            batch.number(NFTA_IMMEDIATE_DREG, number(register));
            data(NFTA_IMMEDIATE_DATA, value);
        });
    }

    /** Translates the destination to the address and port in these registers. */
    public RuleWriter translateDestination(int family, int address, int port) {
        return expression(
                "nat",
                () -> batch.number(NFTA_NAT_TYPE, NFT_NAT_DNAT)
                        .number(NFTA_NAT_FAMILY, family)
                        .number(NFTA_NAT_REG_ADDR_MIN, number(address))
                        .number(NFTA_NAT_REG_PROTO_MIN, number(port)));
    }

    /** Gives the packet an address of the interface by which it leaves, and a random port. */
    public RuleWriter masquerade() {
        return expression("masq", () -> batch.number(NFTA_MASQ_FLAGS, RANDOM_FULLY));
    }

    /** Sends the packet to an address of the node. */
    public RuleWriter redirect() {
        return expression("redir", () -> {});
    }

    /** Answers by a reset of the TCP connection. */
    public RuleWriter reset() {
        return expression("reject", () -> batch.number(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST));
    }

    /** Answers by ICMP, or ICMPv6, that the port is unreachable. */
    public RuleWriter unreachable() {
        return expression(
                "reject",
                () -> batch.number(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH)
                        .data(NFTA_REJECT_ICMP_CODE, new byte[] {NFT_REJECT_ICMPX_PORT_UNREACH}));
    }

    /** Goes on in another chain. */
    public RuleWriter gotoChain(String chain) {
        return verdict(NFT_GOTO, chain);
    }

    /** Ends the chain. */
    public RuleWriter returnFromChain() {
        return verdict(NFT_RETURN, "");
    }

    /** Drops the packet. */
    public RuleWriter drop() {
        return verdict(NF_DROP, "");
    }

    private RuleWriter verdict(int code, String chain) {
        return expression("immediate", () -> {
            batch.number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
            int data = batch.nested(NFTA_IMMEDIATE_DATA);
            int verdict = batch.nested(NFTA_DATA_VERDICT);
            batch.number(NFTA_VERDICT_CODE, code);
            if (!chain.isEmpty()) {
                batch.text(NFTA_VERDICT_CHAIN, chain);
            }
            batch.endNested(verdict).endNested(data);
        });
    }

    private void data(int attribute, byte[] value) {
        int data = batch.nested(attribute);
        batch.data(NFTA_DATA_VALUE, value).endNested(data);
    }

    private RuleWriter expression(String name, Runnable body) {
        int element = batch.nested(NFTA_LIST_ELEM);
        batch.text(NFTA_EXPR_NAME, name);
        int data = batch.nested(NFTA_EXPR_DATA);
        body.run();
        batch.endNested(data).endNested(element);
        return this;
    }

    private static int number(int register) {
        if (register < 0 || register >= REGISTERS) {
            throw new IllegalArgumentException("there is no register " + register);
        }
        return NFT_REG32_00 + register;
    }

    /** A number as the kernel has it in a register where it does not come from the packet. */
    public static byte[] hostOrder(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.nativeOrder())
                .putInt(value)
                .array();
    }

    /** An interface's name as the kernel compares it, with zeroes behind. */
    public static byte[] interfaceName(String name) {
        byte[] padded = new byte[16]; // IFNAMSIZ
        byte[] text = name.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, padded, 0, text.length);
        return padded;
    }
}
