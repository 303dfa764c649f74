package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import java.util.Optional;

/** Messages of nf_tables about chains and rules ({@code linux/netfilter/nf_tables.h}), for reading. */
final class RulesetMessage {
    private static final int NFT_MSG_GETCHAIN = 4;
    private static final int NFT_MSG_GETRULE = 7;
    private static final int NFT_MSG_GETGEN = 16;

    static final int GETCHAIN = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN);
    static final int GETRULE = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE);
    static final int GETGEN = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN);

    private static final int NFTA_GEN_ID = 1;

    private static final int NFTA_CHAIN_TABLE = 1;
    private static final int NFTA_CHAIN_NAME = 3;
    private static final int NFTA_CHAIN_HOOK = 4;
    private static final int NFTA_CHAIN_POLICY = 5;
    private static final int NFTA_CHAIN_TYPE = 7;
    private static final int NFTA_HOOK_HOOKNUM = 1;
    private static final int NFTA_HOOK_PRIORITY = 2;

    static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_EXPRESSIONS = 4;
    private static final int NFTA_LIST_ELEM = 1;
    private static final int NFTA_EXPR_NAME = 1;
    private static final int NFTA_EXPR_DATA = 2;

    private static final int NFTA_IMMEDIATE_DATA = 2;
    private static final int NFTA_DATA_VERDICT = 2;
    private static final int NFTA_VERDICT_CODE = 1;
    private static final int NFTA_VERDICT_CHAIN = 2;

    /** NFTA_TARGET_NAME and NFTA_MATCH_NAME: an extension of iptables, {@code nf_tables_compat.h}. */
    private static final int NFTA_EXTENSION_NAME = 1;

    /** {@code linux/netfilter.h}. */
    private static final int NF_DROP = 0;

    private static final int NFT_JUMP = -3;
    private static final int NFT_GOTO = -4;
    private static final int NFT_RETURN = -5;

    private RulesetMessage() {}

    static Optional<Integer> generation(MessageReader message) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            if (attributes.type() == NFTA_GEN_ID) {
                return Optional.of(attributes.u32be());
            }
        }
        return Optional.empty();
    }

    /** Empty for a chain without a hook, and for one of other packets than those of IP. */
    static Optional<BaseChain> baseChain(MessageReader message) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        Optional<TableFamily> family = TableFamily.of(message.bodyU8(0));
        String table = "";
        String name = "";
        String type = "";
        int hook = -1;
        int priority = 0;
        boolean dropping = false;
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_CHAIN_TABLE -> table = attributes.string();
                case NFTA_CHAIN_NAME -> name = attributes.string();
                case NFTA_CHAIN_TYPE -> type = attributes.string();
                case NFTA_CHAIN_POLICY -> dropping = attributes.u32be() == NF_DROP;
                case NFTA_CHAIN_HOOK -> {
                    AttributeReader place = attributes.nested();
                    while (place.next()) {
                        switch (place.type()) {
                            case NFTA_HOOK_HOOKNUM -> hook = place.u32be();
                            case NFTA_HOOK_PRIORITY -> priority = place.u32be();
                            default -> {}
                        }
                    }
                }
                default -> {}
            }
        }
        Optional<BaseChain.Hook> where = BaseChain.Hook.of(hook);
        return family.isPresent() && where.isPresent()
                ? Optional.of(new BaseChain(family.get(), table, name, where.get(), type, priority, dropping))
                : Optional.empty();
    }

    /** @param table the only one of interest: kernels before 4.17 list all */
    static Optional<ChainRule> rule(MessageReader message, String table) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        String chain = "";
        boolean wanted = false;
        ChainRule does = new ChainRule("", Effect.NONE, "");
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_RULE_TABLE -> wanted = attributes.string().equals(table);
                case NFTA_RULE_CHAIN -> chain = attributes.string();
                case NFTA_RULE_EXPRESSIONS -> does = effect(attributes.nested());
                default -> {}
            }
        }
        return wanted ? Optional.of(new ChainRule(chain, does.effect(), does.target())) : Optional.empty();
    }

    /** The first expression that decides, unless one before it is a condition. */
    private static ChainRule effect(AttributeReader expressions) {
        while (expressions.next()) {
            if (expressions.type() == NFTA_LIST_ELEM) {
                ChainRule one = expression(expressions.nested());
                if (one.effect() != Effect.NONE) {
                    return one;
                }
            }
        }
        return new ChainRule("", Effect.NONE, "");
    }

    private static ChainRule expression(AttributeReader expression) {
        String name = "";
        ChainRule verdict = new ChainRule("", Effect.NONE, "");
        String extension = "";
        while (expression.next()) {
            switch (expression.type()) {
                case NFTA_EXPR_NAME -> name = expression.string();
                case NFTA_EXPR_DATA -> {
                    switch (name) {
                        case "immediate" -> verdict = immediate(expression.nested());
                        case "match", "target" -> extension = extension(expression.nested());
                        default -> {}
                    }
                }
                default -> {}
            }
        }
        Effect effect = switch (name) {
            case "immediate" -> verdict.effect();
            case "reject" -> Effect.REFUSE;
            case "counter", "log", "notrack", "last" -> Effect.NONE;
            case "match" -> extension.equals("comment") ? Effect.NONE : Effect.CONDITIONAL;
            case "target" ->
                switch (extension) {
                    case "REJECT" -> Effect.REFUSE;
                    case "LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "TCPMSS", "CHECKSUM" -> Effect.NONE;
                    default -> Effect.CONDITIONAL;
                };
            case "queue" -> Effect.ACCEPT;
            // Comparisons, look-ups and what loads their operands.
            default -> Effect.CONDITIONAL;
        };
        return new ChainRule("", effect, verdict.target());
    }

    private static ChainRule immediate(AttributeReader immediate) {
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
        return new ChainRule("", Effect.NONE, "");
    }

    private static ChainRule verdict(AttributeReader verdict) {
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
        return new ChainRule("", effect, target);
    }

    private static String extension(AttributeReader extension) {
        while (extension.next()) {
            if (extension.type() == NFTA_EXTENSION_NAME) {
                return extension.string();
            }
        }
        return "";
    }
}
