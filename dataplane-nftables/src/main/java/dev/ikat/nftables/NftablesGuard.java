package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.SourceGuard;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The source guard as chains, sets and maps of Ikat's table; {@link GuardScript} defines the rules. They are always
 * replaced as a whole and in one transaction, so a packet meets the old rules or the new ones. Not thread-safe.
 */
public final class NftablesGuard implements SourceGuard {
    private final NftablesTable table;
    private final OptionalInt logGroup;
    private Optional<Written> written = Optional.empty();

    /** What was last asked for and nobody touched meanwhile, and how this version of nftables lists it. */
    private record Written(GuardState state, JsonNode listing) {}

    /** @param logGroup the NFLOG group to which drops are logged; empty for none */
    public NftablesGuard(NftablesTable table, OptionalInt logGroup) {
        this.table = table;
        this.logGroup = logGroup;
    }

    @Override
    public boolean reconcile(GuardState state) {
        if (isInForce(state)) {
            return false;
        }
        table.ensure();
        Script commands = new Script();
        // An earlier version's may be of another form.
        table.clear(commands, Owner.GUARD::owns);
        new GuardScript(commands, state, logGroup).write();
        written = table.readBack(() -> write(commands), this::listing).map(listing -> new Written(state, listing));
        return true;
    }

    private void write(Script commands) {
        try {
            table.run(commands.text());
        } catch (NftablesException e) {
            throw new NftablesException(
                    "the source guard can't be put in force; the kernel needs nft_fib_inet, nft_ct, "
                            + "nft_limit and nft_log: " + e.getMessage(),
                    e);
        }
    }

    private boolean isInForce(GuardState state) {
        Optional<Written> same = written.filter(w -> w.state().equals(state));
        if (same.isEmpty() || !table.isPresent()) {
            return false;
        }
        return table.isProtected() || listing().equals(same.get().listing());
    }

    @Override
    public void remove() {
        written = Optional.empty();
        table.remove(Owner.GUARD);
    }

    /** What it consists of, without what the kernel numbers or counts; nothing where the table is gone meanwhile. */
    private JsonNode listing() {
        ArrayNode objects = JsonNodeFactory.instance.arrayNode();
        if (!table.isPresent()) {
            return objects;
        }
        for (JsonNode object : table.list("list table inet " + NftablesTable.NAME)) {
            for (JsonNode value : object) {
                String name = value.path(object.has("rule") ? "chain" : "name").asText();
                if (Owner.GUARD.owns(name)) {
                    objects.add(uncounted(object));
                }
            }
        }
        return objects;
    }

    private static JsonNode uncounted(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.remove("handle");
            object.remove("packets");
            object.remove("bytes");
        }
        node.forEach(NftablesGuard::uncounted);
        return node;
    }
}
