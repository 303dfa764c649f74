package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import java.util.Optional;
import java.util.Set;

/**
 * Keeps a chain and its sets in Ikat's table equal to a {@link MasqueradeState}: a packet of this node's pods that
 * leaves the cluster gets the node's address, and one to another pod keeps the pod's. What the node itself sends into a
 * tunnel gets the tunnel's address.
 *
 * <p>They are always replaced as a whole and in one transaction, so a packet meets the old rules or the new ones.
 * Connections that are already translated keep their translation, which is in conntrack, not in the table. Not
 * thread-safe.
 */
public final class Masquerade implements Masquerading {
    private static final String CHAIN = Owner.MASQUERADE.prefix() + "postrouting";
    private static final String PODS = Owner.MASQUERADE.prefix() + "pods";
    private static final String CLUSTER = Owner.MASQUERADE.prefix() + "cluster";
    /** NF_IP_PRI_NAT_SRC (linux/netfilter_ipv4.h). */
    private static final int PRIORITY_SOURCE_NAT = 100;

    private final NftablesTable table;
    private Optional<Written> written = Optional.empty();

    /** What was last asked for and nobody touched meanwhile, and how this version of nftables lists it. */
    private record Written(MasqueradeState state, JsonNode listing) {}

    public Masquerade(NftablesTable table) {
        this.table = table;
    }

    @Override
    public Outcome reconcile(MasqueradeState state) {
        if (isInForce(state)) {
            return Outcome.UNCHANGED;
        }
        table.ensure();
        Script commands = script(state);
        // An earlier version's, in the same transaction.
        table.clear(commands, Owner.MASQUERADE::ownedFormerly);
        written = table.readBack(() -> table.run(commands.text()), this::listing)
                .map(listing -> new Written(state, listing));
        table.removeFormer();
        return Outcome.REPAIRED;
    }

    private boolean isInForce(MasqueradeState state) {
        Optional<Written> same = written.filter(w -> w.state().equals(state));
        if (same.isEmpty() || !table.isPresent()) {
            return false;
        }
        if (table.isProtected()) {
            return true;
        }
        try {
            return listing().equals(same.get().listing());
        } catch (NftablesException e) {
            // A part of it is not there: writing it shows whether there is more to it.
            return false;
        }
    }

    private static Script script(MasqueradeState state) {
        Script script = new Script();
        script.addBaseChain(CHAIN, "nat", "postrouting", PRIORITY_SOURCE_NAT);
        script.flushChain(CHAIN);
        for (IpFamily family : IpFamily.values()) {
            set(script, PODS, "whose addresses do not leave the cluster", family, state.podCidrs());
            set(script, CLUSTER, "who sees the pods' own addresses", family, state.clusterCidrs());
            String protocol = PolicyScript.protocol(family);
            // Random ports keep two connections that start at once from racing for the same one, where one would be
            // lost.
            script.addRule(
                    CHAIN,
                    "%s saddr @%s %s daddr != @%s masquerade fully-random"
                            .formatted(
                                    protocol,
                                    Element.setName(PODS, family),
                                    protocol,
                                    Element.setName(CLUSTER, family)));
            // The route into a tunnel gives what this node sends the tunnel's address. Where another program translates
            // the destination afterwards, as kube-proxy does, the source is another one, and the answer would come back
            // past the tunnel.
            script.addRule(
                    CHAIN,
                    "oifname \"%s*\" %s saddr != @%s fib saddr type local masquerade fully-random"
                            .formatted(LinkNames.OVERLAY, protocol, Element.setName(PODS, family)));
            if (state.foreign()) {
                script.addRule(
                        CHAIN,
                        "%1$s daddr @%2$s %1$s daddr != @%3$s %1$s saddr != @%2$s fib saddr type != local masquerade fully-random"
                                .formatted(protocol, Element.setName(CLUSTER, family), Element.setName(PODS, family)));
            }
        }
        return script;
    }

    private static void set(Script script, String role, String meaning, IpFamily family, Set<Cidr> cidrs) {
        String name = Element.setName(role, family);
        script.addSet(name, PolicyScript.addressType(family), "flags interval; ", meaning);
        script.flushSet(name);
        script.addRanges(
                name,
                MasqueradeState.cover(cidrs, family).stream()
                        .map(Cidr::toString)
                        .toList());
    }

    @Override
    public void remove() {
        written = Optional.empty();
        table.removeFormer();
        table.remove(Owner.MASQUERADE);
    }

    /** What it consists of, without what the kernel numbers as it likes. */
    private JsonNode listing() {
        ArrayNode objects = JsonNodeFactory.instance.arrayNode();
        list("chain", CHAIN, objects);
        for (IpFamily family : IpFamily.values()) {
            list("set", Element.setName(PODS, family), objects);
            list("set", Element.setName(CLUSTER, family), objects);
        }
        return objects;
    }

    /** One at a time: libnftables does not find a chain's sets when it lists others as well. */
    private void list(String kind, String name, ArrayNode objects) {
        for (JsonNode object : table.list("list " + kind + " inet " + NftablesTable.NAME + " " + name)) {
            object.forEach(o -> ((ObjectNode) o).remove("handle"));
            objects.add(object);
        }
    }
}
