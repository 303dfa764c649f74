package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.netfilter.RuleExpression.Between;
import dev.ikat.netlink.netfilter.RuleExpression.Compare;
import dev.ikat.netlink.netfilter.RuleExpression.Decide;
import dev.ikat.netlink.netfilter.RuleExpression.Load;
import dev.ikat.netlink.netfilter.RuleExpression.LookUp;
import dev.ikat.netlink.netfilter.RuleExpression.Mask;
import dev.ikat.netlink.wire.AttributeReader;
import java.util.HexFormat;

/** The attributes of a rule's expressions ({@code linux/netfilter/nf_tables.h}), for reading. */
final class ExpressionMessage {
    static final int NFTA_LIST_ELEM = 1;
    private static final int NFTA_EXPR_NAME = 1;
    private static final int NFTA_EXPR_DATA = 2;

    /** The verdict, {@code enum nft_registers}. */
    private static final int NFT_REG_VERDICT = 0;

    private static final int NFTA_IMMEDIATE_DATA = 2;
    static final int NFTA_DATA_VALUE = 1;
    static final int NFTA_DATA_VERDICT = 2;
    private static final int NFTA_VERDICT_CODE = 1;
    private static final int NFTA_VERDICT_CHAIN = 2;

    /** NFTA_META_DREG, NFTA_CT_DREG and NFTA_PAYLOAD_DREG. */
    private static final int LOAD_DREG = 1;

    /** NFTA_META_KEY, NFTA_CT_KEY and NFTA_PAYLOAD_BASE. */
    private static final int LOAD_WHAT = 2;

    private static final int NFTA_PAYLOAD_OFFSET = 3;
    private static final int NFTA_PAYLOAD_LEN = 4;

    private static final int NFTA_BITWISE_SREG = 1;
    private static final int NFTA_BITWISE_DREG = 2;
    private static final int NFTA_BITWISE_MASK = 4;
    private static final int NFTA_BITWISE_XOR = 5;
    private static final int NFTA_BITWISE_OP = 6;

    /** And then exclusive or; before Linux 5.6 the only one. */
    private static final int NFT_BITWISE_MASK_XOR = 0;

    private static final int NFTA_CMP_SREG = 1;
    private static final int NFTA_CMP_OP = 2;
    private static final int NFTA_CMP_DATA = 3;

    private static final int NFTA_RANGE_SREG = 1;
    private static final int NFTA_RANGE_OP = 2;
    private static final int NFTA_RANGE_FROM_DATA = 3;
    private static final int NFTA_RANGE_TO_DATA = 4;

    /** NFT_CMP_EQ and NFT_RANGE_EQ. */
    private static final int EQ = 0;

    /** NFT_CMP_NEQ and NFT_RANGE_NEQ. */
    private static final int NEQ = 1;

    private static final int NFT_CMP_LT = 2;
    private static final int NFT_CMP_LTE = 3;
    private static final int NFT_CMP_GT = 4;
    private static final int NFT_CMP_GTE = 5;

    private static final int NFTA_LOOKUP_SET = 1;
    private static final int NFTA_LOOKUP_SREG = 2;
    private static final int NFTA_LOOKUP_DREG = 3;
    private static final int NFTA_LOOKUP_FLAGS = 5;
    private static final int NFT_LOOKUP_F_INV = 1;

    /** NFTA_TARGET_NAME and NFTA_MATCH_NAME: an extension of iptables, {@code nf_tables_compat.h}. */
    private static final int NFTA_EXTENSION_NAME = 1;

    /** {@code linux/netfilter.h}. */
    static final int NF_DROP = 0;

    private static final int NFT_JUMP = -3;
    private static final int NFT_GOTO = -4;
    private static final int NFT_RETURN = -5;

    private ExpressionMessage() {}

    /** Reads an element of a rule's list of expressions. */
    static RuleExpression read(AttributeReader expression) {
        String name = "";
        RuleExpression read = RuleExpression.NOTHING;
        while (expression.next()) {
            switch (expression.type()) {
                case NFTA_EXPR_NAME -> {
                    name = expression.string();
                    read = withoutData(name);
                }
                case NFTA_EXPR_DATA -> read = withData(name, expression.nested());
                default -> {}
            }
        }
        return read;
    }

    private static RuleExpression withoutData(String name) {
        return switch (name) {
            case "reject" -> new Decide(Effect.REFUSE, "");
            case "queue" -> new Decide(Effect.ACCEPT, "");
            case "counter", "log", "notrack", "last" -> RuleExpression.NOTHING;
            default -> RuleExpression.UNREADABLE;
        };
    }

    private static RuleExpression withData(String name, AttributeReader data) {
        return switch (name) {
            case "immediate" -> immediate(data);
            case "match" -> extension(data).equals("comment") ? RuleExpression.NOTHING : RuleExpression.UNREADABLE;
            case "target" ->
                switch (extension(data)) {
                    case "REJECT" -> new Decide(Effect.REFUSE, "");
                    case "LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "TCPMSS", "CHECKSUM" -> RuleExpression.NOTHING;
                    default -> new Decide(Effect.UNKNOWN, "");
                };
            case "meta", "ct", "payload" -> load(name, data);
            case "bitwise" -> bitwise(data);
            case "cmp" -> compare(data);
            case "range" -> range(data);
            case "lookup" -> lookUp(data);
            default -> withoutData(name);
        };
    }

    private static RuleExpression immediate(AttributeReader immediate) {
        while (immediate.next()) {
            if (immediate.type() == NFTA_IMMEDIATE_DATA) {
                AttributeReader data = immediate.nested();
                while (data.next()) {
                    if (data.type() == NFTA_DATA_VERDICT) {
                        return verdict(data.nested());
                    }
                }
            }
        }
        // A value that something is set to.
        return RuleExpression.NOTHING;
    }

    /** Reads a verdict, of a rule or of an element of a map. */
    static Decide verdict(AttributeReader verdict) {
        int code = NFT_RETURN;
        String target = "";
        while (verdict.next()) {
            switch (verdict.type()) {
                case NFTA_VERDICT_CODE -> code = verdict.u32be();
                case NFTA_VERDICT_CHAIN -> target = verdict.string();
                default -> {}
            }
        }
        Effect effect = switch (code) {
            case NF_DROP -> Effect.REFUSE;
            case NFT_JUMP -> Effect.JUMP;
            case NFT_GOTO -> Effect.GOTO;
            case NFT_RETURN -> Effect.RETURN;
            default -> code >= 0 ? Effect.ACCEPT : Effect.NONE;
        };
        return new Decide(effect, target);
    }

    private static String extension(AttributeReader extension) {
        while (extension.next()) {
            if (extension.type() == NFTA_EXTENSION_NAME) {
                return extension.string();
            }
        }
        return "";
    }

    private static RuleExpression load(String name, AttributeReader load) {
        int register = NFT_REG_VERDICT;
        int what = 0;
        int offset = 0;
        int length = 0;
        boolean header = name.equals("payload");
        while (load.next()) {
            switch (load.type()) {
                case LOAD_DREG -> register = load.u32be();
                case LOAD_WHAT -> what = load.u32be();
                case NFTA_PAYLOAD_OFFSET -> offset = header ? load.u32be() : 0;
                case NFTA_PAYLOAD_LEN -> length = header ? load.u32be() : 0;
                default -> {}
            }
        }
        if (register == NFT_REG_VERDICT) {
            // It sets something of the packet.
            return RuleExpression.NOTHING;
        }
        return switch (name) {
            case "meta" -> new Load(register, new PacketField.Meta(what));
            case "ct" -> new Load(register, new PacketField.Connection(what));
            default -> new Load(register, new PacketField.Header(what, offset, length));
        };
    }

    private static RuleExpression bitwise(AttributeReader bitwise) {
        int from = 0;
        int to = 0;
        String mask = "";
        String xor = "";
        int operation = 0;
        while (bitwise.next()) {
            switch (bitwise.type()) {
                case NFTA_BITWISE_SREG -> from = bitwise.u32be();
                case NFTA_BITWISE_DREG -> to = bitwise.u32be();
                case NFTA_BITWISE_MASK -> mask = value(bitwise.nested());
                case NFTA_BITWISE_XOR -> xor = value(bitwise.nested());
                case NFTA_BITWISE_OP -> operation = bitwise.u32be();
                default -> {}
            }
        }
        boolean masks = operation == NFT_BITWISE_MASK_XOR
                && !mask.isEmpty()
                && xor.chars().allMatch(digit -> digit == '0');
        return masks ? new Mask(from, to, mask) : RuleExpression.UNREADABLE;
    }

    private static RuleExpression compare(AttributeReader compare) {
        int register = 0;
        int operation = 0;
        String value = "";
        while (compare.next()) {
            switch (compare.type()) {
                case NFTA_CMP_SREG -> register = compare.u32be();
                case NFTA_CMP_OP -> operation = compare.u32be();
                case NFTA_CMP_DATA -> value = value(compare.nested());
                default -> {}
            }
        }
        String least = "0".repeat(value.length());
        String greatest = "f".repeat(value.length());
        return switch (operation) {
            case EQ -> new Compare(register, value, false);
            case NEQ -> new Compare(register, value, true);
            case NFT_CMP_LT -> new Between(register, value, greatest, true);
            case NFT_CMP_LTE -> new Between(register, least, value, false);
            case NFT_CMP_GT -> new Between(register, least, value, true);
            case NFT_CMP_GTE -> new Between(register, value, greatest, false);
            default -> RuleExpression.UNREADABLE;
        };
    }

    private static RuleExpression range(AttributeReader range) {
        int register = 0;
        int operation = 0;
        String from = "";
        String to = "";
        while (range.next()) {
            switch (range.type()) {
                case NFTA_RANGE_SREG -> register = range.u32be();
                case NFTA_RANGE_OP -> operation = range.u32be();
                case NFTA_RANGE_FROM_DATA -> from = value(range.nested());
                case NFTA_RANGE_TO_DATA -> to = value(range.nested());
                default -> {}
            }
        }
        return new Between(register, from, to, operation == NEQ);
    }

    private static RuleExpression lookUp(AttributeReader lookUp) {
        String set = "";
        int register = 0;
        int result = -1;
        int flags = 0;
        while (lookUp.next()) {
            switch (lookUp.type()) {
                case NFTA_LOOKUP_SET -> set = lookUp.string();
                case NFTA_LOOKUP_SREG -> register = lookUp.u32be();
                case NFTA_LOOKUP_DREG -> result = lookUp.u32be();
                case NFTA_LOOKUP_FLAGS -> flags = lookUp.u32be();
                default -> {}
            }
        }
        // A map to something else than verdicts.
        return result > NFT_REG_VERDICT
                ? RuleExpression.UNREADABLE
                : new LookUp(set, register, (flags & NFT_LOOKUP_F_INV) != 0, result == NFT_REG_VERDICT);
    }

    /** The value in a nested NFTA_DATA; empty if it is a verdict. */
    static String value(AttributeReader data) {
        while (data.next()) {
            if (data.type() == NFTA_DATA_VALUE) {
                return hex(data.bytes());
            }
        }
        return "";
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
