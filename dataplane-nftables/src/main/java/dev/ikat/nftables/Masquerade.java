package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import java.util.Optional;
import java.util.Set;

/**
 * Keeps the table {@code inet ikat-masquerade} equal to a {@link MasqueradeState}: what leaves the cluster from a pod
 * of this node leaves with the node's address, and what goes to another pod keeps the pod's.
 *
 * <p>The table is always replaced as a whole and in one transaction, so a packet sees the old rules or the new ones.
 * Connections that are already translated stay so: their translation is in conntrack, not in the table. Not
 * thread-safe; nobody else writes the table.
 */
public final class Masquerade {
    /** The one table that this class makes and removes. */
    public static final String TABLE = "ikat-masquerade";

    private static final String FAMILY = "inet";
    private static final String CHAIN = "postrouting";
    /** NF_IP_PRI_NAT_SRC (linux/netfilter_ipv4.h). */
    private static final int PRIORITY_SOURCE_NAT = 100;

    private final Nftables nftables;
    private Optional<Written> written = Optional.empty();

    /** What was last asked for, and how this version of nftables renders it, which need not be as it was written. */
    private record Written(MasqueradeState state, JsonNode rendering) {}

    /** What {@link #reconcile} found. */
    public enum Outcome {
        /** The kernel has what is wanted. */
        UNCHANGED,
        /** The kernel had something else, or nothing, and has it now. */
        REPAIRED
    }

    public Masquerade(Nftables nftables) {
        this.nftables = nftables;
    }

    /**
     * Compares the kernel's table with {@code state} and replaces it where they differ.
     *
     * @throws NftablesException if the table cannot be read or written; the old one is then in force
     */
    public Outcome reconcile(MasqueradeState state) {
        Optional<JsonNode> before = read();
        JsonNode expected = written.filter(w -> w.state().equals(state))
                .map(Written::rendering)
                .orElseGet(() -> comparable(objects(state)));
        if (before.isPresent() && before.get().equals(expected)) {
            return Outcome.UNCHANGED;
        }
        ArrayNode transaction = Nftables.transaction();
        // Adding first makes the deletion succeed where there is none; "destroy" needs Linux 6.3.
        transaction.add(Nftables.command("add", "table", table()));
        transaction.add(Nftables.command("delete", "table", table()));
        for (JsonNode object : objects(state)) {
            object.properties().forEach(o -> transaction.add(Nftables.command("add", o.getKey(), o.getValue())));
        }
        nftables.run(transaction);
        JsonNode rendering = read().orElseThrow(() ->
                new NftablesException("table " + FAMILY + " " + TABLE + " is gone right after it was written"));
        written = Optional.of(new Written(state, rendering));
        return Outcome.REPAIRED;
    }

    /** Removes the table; nothing to do where there is none. */
    public void remove() {
        written = Optional.empty();
        nftables.run(Nftables.transaction()
                .add(Nftables.command("add", "table", table()))
                .add(Nftables.command("delete", "table", table())));
    }

    /**
     * Whether the table is there, whatever is in it: cheap enough to be asked often, since the kernel's notifications
     * of nftables are not followed. Safe to call from another thread.
     */
    public boolean isPresent() {
        boolean present = false;
        ArrayNode listTables = Nftables.transaction();
        listTables.add(Nftables.command("list", "tables", JsonNodeFactory.instance.nullNode()));
        for (JsonNode object : nftables.run(listTables)) {
            JsonNode table = object.path("table");
            present |= table.path("name").asText().equals(TABLE)
                    && table.path("family").asText().equals(FAMILY);
        }
        return present;
    }

    private Optional<JsonNode> read() {
        // Listing a table that is not there is an error that can't be told from others.
        if (!isPresent()) {
            return Optional.empty();
        }
        ArrayNode listTable = Nftables.transaction();
        listTable.add(Nftables.command("list", "table", table()));
        return Optional.of(comparable(nftables.run(listTable)));
    }

    /** The objects without what the kernel numbers as it likes, and without what lists differ in by version. */
    private static JsonNode comparable(JsonNode objects) {
        ArrayNode comparable = Nftables.transaction();
        for (JsonNode object : objects) {
            if (!object.has("metainfo")) {
                JsonNode copy = object.deepCopy();
                copy.forEach(o -> ((ObjectNode) o).remove("handle"));
                comparable.add(copy);
            }
        }
        return comparable;
    }

    private static ObjectNode table() {
        return JsonNodeFactory.instance.objectNode().put("family", FAMILY).put("name", TABLE);
    }

    /** The whole table as nftables lists it: table, sets, chain, rules. */
    private static ArrayNode objects(MasqueradeState state) {
        ArrayNode objects = Nftables.transaction();
        objects.addObject().set("table", table());
        for (IpFamily family : IpFamily.values()) {
            objects.addObject().set("set", set("pods", family, state.podCidrs()));
            objects.addObject().set("set", set("cluster", family, state.clusterCidrs()));
        }
        objects.addObject()
                .set(
                        "chain",
                        inTable()
                                .put("name", CHAIN)
                                .put("type", "nat")
                                .put("hook", "postrouting")
                                .put("prio", PRIORITY_SOURCE_NAT)
                                .put("policy", "accept"));
        for (IpFamily family : IpFamily.values()) {
            objects.addObject().set("rule", rule(family));
        }
        return objects;
    }

    private static ObjectNode inTable() {
        return JsonNodeFactory.instance.objectNode().put("family", FAMILY).put("table", TABLE);
    }

    private static String setName(String role, IpFamily family) {
        return role
                + switch (family) {
                    case IPV4 -> "4";
                    case IPV6 -> "6";
                };
    }

    private static ObjectNode set(String role, IpFamily family, Set<Cidr> cidrs) {
        String type = switch (family) {
            case IPV4 -> "ipv4_addr";
            case IPV6 -> "ipv6_addr";
        };
        ObjectNode set = inTable().put("name", setName(role, family)).put("type", type);
        set.putArray("flags").add("interval");
        var cover = MasqueradeState.cover(cidrs, family);
        if (!cover.isEmpty()) {
            ArrayNode elements = set.putArray("elem");
            for (Cidr cidr : cover) {
                if (cidr.prefixLength() == family.bits()) {
                    elements.add(cidr.network().toString());
                } else {
                    elements.addObject()
                            .putObject("prefix")
                            .put("addr", cidr.network().toString())
                            .put("len", cidr.prefixLength());
                }
            }
        }
        return set;
    }

    /** {@code ip saddr @pods4 ip daddr != @cluster4 masquerade fully-random}. */
    private static ObjectNode rule(IpFamily family) {
        String protocol = switch (family) {
            case IPV4 -> "ip";
            case IPV6 -> "ip6";
        };
        ObjectNode rule = inTable().put("chain", CHAIN);
        ArrayNode expressions = rule.putArray("expr");
        expressions.add(match("==", protocol, "saddr", setName("pods", family)));
        expressions.add(match("!=", protocol, "daddr", setName("cluster", family)));
        // Random ports keep two connections that start at once from racing for the same one, where one would be lost.
        expressions.addObject().putObject("masquerade").put("flags", "fully-random");
        return rule;
    }

    private static ObjectNode match(String operator, String protocol, String field, String set) {
        ObjectNode match = JsonNodeFactory.instance.objectNode();
        ObjectNode body = match.putObject("match").put("op", operator);
        body.putObject("left").putObject("payload").put("protocol", protocol).put("field", field);
        body.put("right", "@" + set);
        return match;
    }
}
