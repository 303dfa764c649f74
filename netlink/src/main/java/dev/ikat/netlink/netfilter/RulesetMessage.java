package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Messages of nf_tables about chains, rules and sets ({@code linux/netfilter/nf_tables.h}), for reading. */
final class RulesetMessage {
    private static final int NFT_MSG_GETTABLE = 1;
    static final int NFT_MSG_GETCHAIN = 4;
    static final int NFT_MSG_GETRULE = 7;
    static final int NFT_MSG_GETSETELEM = 13;
    private static final int NFT_MSG_GETGEN = 16;

    static final int GETTABLE = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE);
    static final int GETCHAIN = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN);
    static final int GETRULE = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE);
    static final int GETSETELEM = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM);
    static final int GETGEN = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN);

    private static final int NFTA_GEN_ID = 1;

    static final int NFTA_TABLE_NAME = 1;

    static final int NFTA_CHAIN_TABLE = 1;
    static final int NFTA_CHAIN_NAME = 3;
    private static final int NFTA_CHAIN_HOOK = 4;
    private static final int NFTA_CHAIN_POLICY = 5;
    private static final int NFTA_CHAIN_TYPE = 7;
    private static final int NFTA_HOOK_HOOKNUM = 1;
    private static final int NFTA_HOOK_PRIORITY = 2;

    static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_EXPRESSIONS = 4;
    static final int NFTA_SET_ELEM_LIST_TABLE = 1;
    static final int NFTA_SET_ELEM_LIST_SET = 2;

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
                case NFTA_CHAIN_POLICY -> dropping = attributes.u32be() == ExpressionMessage.NF_DROP;
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
    static Optional<RuleReader.Raw> rule(MessageReader message, String table) {
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        String chain = "";
        boolean wanted = false;
        List<RuleExpression> expressions = new ArrayList<>();
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_RULE_TABLE -> wanted = attributes.string().equals(table);
                case NFTA_RULE_CHAIN -> chain = attributes.string();
                case NFTA_RULE_EXPRESSIONS -> {
                    AttributeReader list = attributes.nested();
                    while (list.next()) {
                        if (list.type() == ExpressionMessage.NFTA_LIST_ELEM) {
                            expressions.add(ExpressionMessage.read(list.nested()));
                        }
                    }
                }
                default -> {}
            }
        }
        return wanted ? Optional.of(new RuleReader.Raw(chain, expressions)) : Optional.empty();
    }
}
