package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.MessageWriter;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.List;

/**
 * Reads what all programs of a network namespace have in nf_tables: their chains at the kernel's hooks, and what rules
 * do with every packet. It needs no library, and changes nothing.
 *
 * <p>Any number of threads may use it; reads run one at a time. Every method throws {@link NetlinkException} if the
 * kernel refuses, and {@link IllegalStateException} after {@link #close()}.
 */
public final class NftablesRuleset implements AutoCloseable {
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

    /** The rules of a table, those of each chain in order; none if the table is gone. */
    public List<ChainRule> rules(TableFamily family, String table) {
        try {
            return socket.dump(
                    MessageWriter.list(
                            "rules of the table " + family.word() + " " + table,
                            RulesetMessage.GETRULE,
                            message -> NetfilterMessage.nfgenmsg(message, family.number(), 0)
                                    .string(RulesetMessage.NFTA_RULE_TABLE, table)),
                    message -> RulesetMessage.rule(message, table));
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENOENT) {
                return List.of();
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
