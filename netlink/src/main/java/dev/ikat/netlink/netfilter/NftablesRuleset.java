package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.netfilter.SetElement.Member;
import dev.ikat.netlink.wire.MessageWriter;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads what all programs of a network namespace have in nf_tables: their chains at the kernel's hooks, and which
 * packets rules are about. It needs no library, and changes nothing.
 *
 * <p>Any number of threads may use it; reads run one at a time. Every method throws {@link NetlinkException} if the
 * kernel refuses, and {@link IllegalStateException} after {@link #close()}.
 */
public final class NftablesRuleset implements AutoCloseable {
    /** How the names of sets begin that are part of a rule: {@code __set%d} and {@code __map%d}. */
    private static final String ANONYMOUS = "__";

    /** A table may have thousands, such as kube-proxy's; each costs a request. */
    private static final int SETS_READ = 64;

    private final NetlinkSocket socket;

    private NftablesRuleset(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens the ruleset of the calling thread's network namespace. */
    public static NftablesRuleset open() {
        return new NftablesRuleset(NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER));
    }

    /**
     * A number that is another one after each change of anybody's; 0 if the kernel has no nf_tables. Asking costs next
     * to nothing.
     */
    public int generation() {
        try {
            return socket.get(
                            MessageWriter.request(
                                    "read",
                                    "the generation of nf_tables",
                                    RulesetMessage.GETGEN,
                                    0,
                                    message -> NetfilterMessage.nfgenmsg(message, 0, 0)),
                            RulesetMessage::generation)
                    .orElse(0);
        } catch (NetlinkException e) {
            if (isAbsent(e)) {
                return 0;
            }
            throw e;
        }
    }

    /** Whether there is a table of this name; it costs as little with any number of tables. */
    public boolean hasTable(TableFamily family, String table) {
        return exists(MessageWriter.request(
                "read",
                "the table " + family.word() + " " + table,
                RulesetMessage.GETTABLE,
                0,
                message -> NetfilterMessage.nfgenmsg(message, family.number(), 0)
                        .string(RulesetMessage.NFTA_TABLE_NAME, table)));
    }

    /** Whether a table has a chain of this name; it costs as little with any number of chains. */
    public boolean hasChain(TableFamily family, String table, String chain) {
        return exists(MessageWriter.request(
                "read",
                "the chain " + family.word() + " " + table + " " + chain,
                RulesetMessage.GETCHAIN,
                0,
                message -> NetfilterMessage.nfgenmsg(message, family.number(), 0)
                        .string(RulesetMessage.NFTA_CHAIN_TABLE, table)
                        .string(RulesetMessage.NFTA_CHAIN_NAME, chain)));
    }

    private boolean exists(Request request) {
        try {
            return socket.get(request, _ -> Optional.of(true)).orElse(false);
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENOENT || isAbsent(e)) {
                return false;
            }
            throw e;
        }
    }

    /** The chains at hooks that packets of IP pass; none if the kernel has no nf_tables. */
    public List<BaseChain> baseChains() {
        try {
            return socket.dump(
                    MessageWriter.list(
                            "chains of nf_tables",
                            RulesetMessage.GETCHAIN,
                            message -> NetfilterMessage.nfgenmsg(message, 0, 0)),
                    RulesetMessage::baseChain);
        } catch (NetlinkException e) {
            if (isAbsent(e)) {
                return List.of();
            }
            throw e;
        }
    }

    /**
     * The rules of a table, those of each chain in order; none if the table is gone. Of sets only those are read that
     * are part of a rule: those with a name may have any number of elements, and change without a new generation.
     */
    public List<ChainRule> rules(TableFamily family, String table) {
        try {
            List<RuleReader.Raw> rules = socket.dump(
                    MessageWriter.list(
                            "rules of the table " + family.word() + " " + table,
                            RulesetMessage.GETRULE,
                            message -> NetfilterMessage.nfgenmsg(message, family.number(), 0)
                                    .string(RulesetMessage.NFTA_RULE_TABLE, table)),
                    message -> RulesetMessage.rule(message, table));
            Map<String, Optional<List<Member>>> sets = new HashMap<>();
            return rules.stream()
                    .flatMap(rule -> RuleReader.read(rule, set -> set(family, table, set, sets)).stream())
                    .toList();
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENOENT) {
                return List.of();
            }
            throw e;
        }
    }

    private Optional<List<Member>> set(
            TableFamily family, String table, String set, Map<String, Optional<List<Member>>> read) {
        if (!set.startsWith(ANONYMOUS) || (!read.containsKey(set) && read.size() >= SETS_READ)) {
            return Optional.empty();
        }
        return read.computeIfAbsent(set, _ -> members(family, table, set));
    }

    /** Empty if the set is gone together with its rule, so that nothing can be said of that. */
    private Optional<List<Member>> members(TableFamily family, String table, String set) {
        try {
            List<List<SetElement>> elements = socket.dump(
                    MessageWriter.list(
                            "set " + set + " of the table " + family.word() + " " + table,
                            RulesetMessage.GETSETELEM,
                            message -> NetfilterMessage.nfgenmsg(message, family.number(), 0)
                                    .string(RulesetMessage.NFTA_SET_ELEM_LIST_TABLE, table)
                                    .string(RulesetMessage.NFTA_SET_ELEM_LIST_SET, set)),
                    SetElement::read);
            return SetElement.members(elements.stream().flatMap(List::stream).toList());
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENOENT) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** nfnetlink answers EINVAL for a subsystem that it does not have. */
    private static boolean isAbsent(NetlinkException e) {
        return e.errno() == Errno.EINVAL || e.errno() == Errno.EOPNOTSUPP;
    }

    /** Closes the socket; idempotent. */
    @Override
    public void close() {
        socket.close();
    }
}
