package dev.ikat.nftables;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.RuleWriter;
import dev.ikat.netlink.netfilter.RuleWriter.Ct;
import dev.ikat.netlink.netfilter.RuleWriter.Meta;
import java.util.ArrayList;
import java.util.List;

/** The chains that every program has: they only look up in maps what becomes of a packet. */
final class ServiceRules {
    private static final String PREFIX = Owner.SERVICES.prefix();

    private static final String PREROUTING = PREFIX + "prerouting";
    private static final String OUTPUT = PREFIX + "output";
    private static final String POSTROUTING = PREFIX + "postrouting";
    private static final String REJECT_FORWARD = PREFIX + "reject-forward";
    private static final String REJECT_INPUT = PREFIX + "reject-input";
    private static final String REJECT_OUTPUT = PREFIX + "reject-output";
    private static final String REJECT = PREFIX + "reject";
    private static final String MASQUERADE = PREFIX + "masquerade";

    /** Drops. */
    static final String DROP = PREFIX + "drop";

    /**
     * Right before NF_IP_PRI_NAT_DST ({@code linux/netfilter_ipv4.h}), where rules are that a kube-proxy has left: what
     * is translated first stays so.
     */
    private static final int BEFORE_KUBE_PROXY = -101;

    /** Before what masquerades by destination alone; NF_IP_PRI_NAT_SRC is 100. */
    private static final int BEFORE_SOURCE_NAT = 95;

    /**
     * Before policies, which would leave without an answer what is refused anyway: nftables has them at -10, eBPF a
     * little before that. Of two chains at the same place the younger would come first.
     */
    private static final int BEFORE_POLICIES = -50;

    /**
     * The mark of a packet that gets an address of the node when it leaves: the one that kube-proxy has for that, and
     * the kubelet had, so that nobody else has another use for it.
     */
    private static final int MARK = 0x4000;

    /** NF_CT_STATE_BIT(IP_CT_NEW). */
    private static final int STATE_NEW = 1 << 3;

    private static final int RTN_LOCAL = 2;
    private static final byte IPPROTO_TCP = 6;

    private static final int NFTA_CHAIN_TABLE = 1;
    private static final int NFTA_CHAIN_NAME = 3;
    private static final int NFTA_CHAIN_HOOK = 4;
    private static final int NFTA_CHAIN_POLICY = 5;
    private static final int NFTA_CHAIN_TYPE = 7;
    private static final int NFTA_HOOK_HOOKNUM = 1;
    private static final int NFTA_HOOK_PRIORITY = 2;
    private static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NF_ACCEPT = 1;

    /** {@code enum nf_inet_hooks}, {@code linux/netfilter.h}. */
    private static final int NF_INET_PRE_ROUTING = 0;

    private static final int NF_INET_LOCAL_IN = 1;
    private static final int NF_INET_FORWARD = 2;
    private static final int NF_INET_LOCAL_OUT = 3;
    private static final int NF_INET_POST_ROUTING = 4;

    private record Base(String name, String type, int hook, int priority) {}

    private static final List<Base> BASES = List.of(
            new Base(PREROUTING, "nat", NF_INET_PRE_ROUTING, BEFORE_KUBE_PROXY),
            new Base(OUTPUT, "nat", NF_INET_LOCAL_OUT, BEFORE_KUBE_PROXY),
            new Base(POSTROUTING, "nat", NF_INET_POST_ROUTING, BEFORE_SOURCE_NAT),
            new Base(REJECT_FORWARD, "filter", NF_INET_FORWARD, BEFORE_POLICIES),
            new Base(REJECT_INPUT, "filter", NF_INET_LOCAL_IN, BEFORE_POLICIES),
            new Base(REJECT_OUTPUT, "filter", NF_INET_LOCAL_OUT, BEFORE_POLICIES));

    private ServiceRules() {}

    /** Treats connections from inside and from outside differently. */
    static String split(IpFamily family) {
        return Element.setName(PREFIX + "split", family);
    }

    private static String inside(IpFamily family) {
        return Element.setName(PREFIX + "from-inside", family);
    }

    /** Drops connections from others than the frontend's sources. */
    static String ranged(IpFamily family) {
        return Element.setName(PREFIX + "ranged", family);
    }

    /** Backends see an address of the node, except where a pod of the node is the client. */
    static String masquerade(IpFamily family) {
        return Element.setName(PREFIX + "masquerade", family);
    }

    /** Backends see the client's address, except where that is the node or the backend itself. */
    static String keep(IpFamily family) {
        return Element.setName(PREFIX + "keep", family);
    }

    /** The names of all of them. */
    static List<String> names() {
        List<String> names = new ArrayList<>(BASES.stream().map(Base::name).toList());
        names.add(REJECT);
        names.add(MASQUERADE);
        names.add(DROP);
        for (IpFamily family : IpFamily.values()) {
            names.addAll(List.of(split(family), inside(family), ranged(family), masquerade(family), keep(family)));
        }
        return names;
    }

    /** Whether a chain of this name is at a hook. */
    static boolean isBase(String name) {
        return BASES.stream().anyMatch(base -> base.name().equals(name));
    }

    /** Writes messages that make those at hooks, where they are missing. */
    static void create(NftablesBatch batch) {
        for (Base base : BASES) {
            chain(batch, NftablesBatch.NFT_MSG_NEWCHAIN, base.name());
            int hook = batch.nested(NFTA_CHAIN_HOOK);
            batch.number(NFTA_HOOK_HOOKNUM, base.hook())
                    .number(NFTA_HOOK_PRIORITY, base.priority())
                    .endNested(hook)
                    .number(NFTA_CHAIN_POLICY, NF_ACCEPT)
                    .text(NFTA_CHAIN_TYPE, base.type())
                    .end();
        }
    }

    /** Writes the message that makes a chain, where it is missing. */
    static void create(NftablesBatch batch, String name) {
        chain(batch, NftablesBatch.NFT_MSG_NEWCHAIN, name).end();
    }

    /** Writes messages that make a chain that should not be there yet; what others put in one of its name goes. */
    static void createEmpty(NftablesBatch batch, String name) {
        create(batch, name);
        flush(batch, name);
    }

    /** Writes the message that deletes a chain to which nothing refers. */
    static void delete(NftablesBatch batch, String name) {
        chain(batch, NftablesBatch.NFT_MSG_DELCHAIN, name).end();
    }

    private static NftablesBatch chain(NftablesBatch batch, int message, String name) {
        return batch.begin(message, false, message == NftablesBatch.NFT_MSG_NEWCHAIN)
                .text(NFTA_CHAIN_TABLE, NftablesTable.NAME)
                .text(NFTA_CHAIN_NAME, name);
    }

    /** Writes the message that deletes a chain's rules. */
    static void flush(NftablesBatch batch, String name) {
        batch.begin(NftablesBatch.NFT_MSG_DELRULE, false, false)
                .text(NFTA_RULE_TABLE, NftablesTable.NAME)
                .text(NFTA_RULE_CHAIN, name)
                .end();
    }

    /** Writes their rules. */
    static void rules(NftablesBatch batch) {
        RuleWriter.append(batch, NftablesTable.NAME, REJECT)
                .meta(0, Meta.L4PROTO)
                .equal(0, IPPROTO_TCP)
                .reset()
                .end();
        RuleWriter.append(batch, NftablesTable.NAME, REJECT).unreachable().end();
        RuleWriter.append(batch, NftablesTable.NAME, DROP).drop().end();
        marked(batch).gotoChain(MASQUERADE).end();
        // Without the mark, which a tunnel's outer packet would have too.
        RuleWriter.append(batch, NftablesTable.NAME, MASQUERADE)
                .meta(0, Meta.MARK)
                .mask(0, RuleWriter.hostOrder(~MARK))
                .setMark(0)
                .end();
        // What stays on the node has its address.
        RuleWriter.append(batch, NftablesTable.NAME, MASQUERADE)
                .meta(0, Meta.OIFNAME)
                .equal(0, RuleWriter.interfaceName("lo"))
                .returnFromChain()
                .end();
        RuleWriter.append(batch, NftablesTable.NAME, MASQUERADE).masquerade().end();
        for (IpFamily family : IpFamily.values()) {
            new OfFamily(batch, family, PacketWords.of(family)).write();
        }
    }

    private static RuleWriter marked(NftablesBatch batch) {
        return RuleWriter.append(batch, NftablesTable.NAME, POSTROUTING)
                .meta(0, Meta.MARK)
                .mask(0, RuleWriter.hostOrder(MARK))
                .unequal(0, new byte[4]);
    }

    private record OfFamily(NftablesBatch batch, IpFamily family, PacketWords words) {
        void write() {
            translation(PREROUTING);
            translation(OUTPUT);
            treatment();
            sources();
            // Only what was translated comes from a pod to itself.
            words.destinationAddress(words.source(rule(POSTROUTING), 0), words.address())
                    .in(ServiceSet.HAIRPIN.name(family), 0)
                    .masquerade()
                    .end();
            refusal(REJECT_FORWARD);
            refusal(REJECT_INPUT);
            refusal(REJECT_OUTPUT);
            strangers(REJECT_FORWARD);
            strangers(REJECT_OUTPUT);
        }

        private RuleWriter rule(String chain) {
            return words.rule(batch, chain);
        }

        private void translation(String chain) {
            words.destination(rule(chain), 0)
                    .dispatch(ServiceSet.TRANSLATED.name(family), 0)
                    .end();
            words.destination(rule(chain), 0)
                    .dispatch(ServiceSet.FRONTENDS.name(family), 0)
                    .end();
            words.destinationAddress(words.echoRequest(rule(chain)), 0)
                    .in(ServiceSet.ADDRESSES.name(family), 0)
                    .redirect()
                    .end();
        }

        private void treatment() {
            words.destination(rule(inside(family)), 0)
                    .dispatch(ServiceSet.INSIDE.name(family), 0)
                    .end();
            // What the node itself sends comes by no interface.
            rule(split(family))
                    .meta(0, Meta.IIF)
                    .equal(0, new byte[4])
                    .gotoChain(inside(family))
                    .end();
            words.source(rule(split(family)), 0)
                    .in(ServiceSet.PODS.name(family), 0)
                    .gotoChain(inside(family))
                    .end();
            words.destination(rule(split(family)), 0)
                    .dispatch(ServiceSet.OUTSIDE.name(family), 0)
                    .end();
            words.source(words.destination(rule(ranged(family)), 0), words.address() + 2)
                    .in(ServiceSet.SOURCES.name(family), 0)
                    .gotoChain(split(family))
                    .end();
            rule(ranged(family)).drop().end();
        }

        private void sources() {
            words.source(rule(masquerade(family)), 0)
                    .in(ServiceSet.PODS.name(family), 0)
                    .returnFromChain()
                    .end();
            mark(rule(masquerade(family)));
            mark(rule(keep(family)).sourceType(0).equal(0, RuleWriter.hostOrder(RTN_LOCAL)));
        }

        private void mark(RuleWriter rule) {
            rule.meta(0, Meta.MARK)
                    .mask(0, RuleWriter.hostOrder(~MARK), RuleWriter.hostOrder(MARK))
                    .setMark(0)
                    .end();
        }

        private void refusal(String chain) {
            words.destination(
                            rule(chain)
                                    .ct(0, Ct.STATE)
                                    .mask(0, RuleWriter.hostOrder(STATE_NEW))
                                    .unequal(0, new byte[4]),
                            0)
                    .in(ServiceSet.REJECTED.name(family), 0)
                    .gotoChain(REJECT)
                    .end();
        }

        /** What goes to an address of services, and to none of them. */
        private void strangers(String chain) {
            for (ServiceSet set : List.of(ServiceSet.ADDRESSES, ServiceSet.BLOCKS)) {
                words.destinationAddress(rule(chain), 0)
                        .in(set.name(family), 0)
                        .gotoChain(REJECT)
                        .end();
            }
        }
    }
}
