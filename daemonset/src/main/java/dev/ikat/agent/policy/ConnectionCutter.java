package dev.ikat.agent.policy;

import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyView;
import dev.ikat.policy.program.SetMember;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends open connections that the program in force would not allow to begin. Connections of TCP and SCTP are deleted
 * from conntrack: no backend takes their next packets for the beginning of a connection. For other protocols every
 * packet could be one, whichever end sends it. So these connections stay in conntrack with the mark
 * {@link PolicyBackend#FORBIDDEN}, until no more packets arrive or they are allowed again.
 *
 * <p>Call it only after the program is in force: before that, a deleted connection would be allowed again. Thread-safe.
 */
public final class ConnectionCutter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectionCutter.class);

    private final Conntrack conntrack;
    private final Supplier<Set<IpAddress>> nodeAddresses;
    /** Whether there may be connections that are marked. */
    private volatile boolean marked;

    /**
     * @param conntrack the connections of the node's namespace; closed with this
     * @param nodeAddresses the node's own addresses: policies do not apply to traffic between the node and its pods
     */
    public ConnectionCutter(Conntrack conntrack, Supplier<Set<IpAddress>> nodeAddresses) {
        this.conntrack = conntrack;
        this.nodeAddresses = nodeAddresses;
    }

    /** Between which ends and others a change may forbid what was allowed. */
    static Set<IpAddress> ends(PolicyChange change) {
        Set<IpAddress> ends = new LinkedHashSet<>();
        for (PodProgram program : change.programs()) {
            if (!program.ingress().isOpen() || !program.egress().isOpen()) {
                ends.addAll(program.endpoint().addresses());
            }
        }
        for (PolicyChange.Members members : change.changedSets().values()) {
            // Who leaves a set may have been allowed by it; who joins may be forbidden by it.
            members.removed().stream().map(SetMember::address).forEach(ends::add);
            members.added().stream().map(SetMember::address).forEach(ends::add);
        }
        return ends;
    }

    /** Ends all connections that are forbidden, as after a start, when it is not known what was in force before. */
    public int cutAll(PolicyView policy) {
        List<ConntrackEntry> entries = conntrack.entries();
        marked = entries.stream().anyMatch(ConnectionCutter::isMarked);
        return cutDenied(entries, policy);
    }

    /**
     * Ends those connections of these ends that are forbidden.
     *
     * @param policy what is in force now
     * @return how many connections were ended
     * @throws dev.ikat.netlink.NetlinkException if the kernel can't be asked or refuses; call again, nothing is lost
     */
    public int cut(Set<IpAddress> ends, PolicyView policy) {
        return cutDenied(conntrack.entriesBetween(ends), policy);
    }

    /**
     * Deletes the connections that were marked and are allowed now: their next packets begin new ones.
     *
     * @throws dev.ikat.netlink.NetlinkException if the kernel can't be asked or refuses; call again, nothing is lost
     */
    public void letGoOn(PolicyView policy) {
        if (!marked) {
            return;
        }
        List<ConntrackEntry> found = conntrack.marked(PolicyBackend.FORBIDDEN);
        List<ConntrackEntry> allowed = found.stream()
                .filter(entry -> policy.evaluate(flow(entry)).accepted())
                .toList();
        int forgotten = conntrack.delete(allowed);
        marked = found.size() > allowed.size();
        if (forgotten > 0) {
            LOG.atInfo().addKeyValue("connections", forgotten).log("connections-allowed-again");
        }
    }

    private int cutDenied(Collection<ConntrackEntry> entries, PolicyView policy) {
        if (entries.isEmpty()) {
            return 0;
        }
        Set<IpAddress> node = nodeAddresses.get();
        Set<ConntrackEntry> forgotten = new LinkedHashSet<>();
        Set<ConntrackEntry> kept = new LinkedHashSet<>();
        for (ConntrackEntry entry : entries) {
            boolean exempt = isMarked(entry)
                    || entry.expected()
                    || node.contains(entry.sender())
                    || node.contains(entry.receiver());
            if (!exempt && !policy.evaluate(flow(entry)).accepted()) {
                (hasBeginning(entry) ? forgotten : kept).add(entry);
            }
        }
        marked |= !kept.isEmpty();
        int cut = conntrack.delete(forgotten) + conntrack.mark(kept, PolicyBackend.FORBIDDEN);
        if (cut > 0) {
            LOG.atInfo()
                    .addKeyValue("connections", cut)
                    .addKeyValue("examined", entries.size())
                    .log("connections-cut");
        }
        return cut;
    }

    private static boolean isMarked(ConntrackEntry entry) {
        return entry.mark() == PolicyBackend.FORBIDDEN;
    }

    /** Whether a connection of its protocol begins with a packet that is none of another. */
    private static boolean hasBeginning(ConntrackEntry entry) {
        int protocol = entry.original().protocol();
        return protocol == Protocol.TCP.number() || protocol == Protocol.SCTP.number();
    }

    /** The connection's first packet where policy meets it: the source not yet translated, the destination already. */
    private static Flow flow(ConntrackEntry entry) {
        return new Flow(entry.sender(), entry.receiver(), entry.original().protocol(), entry.receiverPort());
    }

    @Override
    public void close() {
        conntrack.close();
    }
}
