package dev.ikat.agent.cni;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.config.ChainedPlugin;
import dev.ikat.cni.CniVersion;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Computes what the network configuration has to be, given what it is. Ikat's own are its entry, the entries of the
 * plugins that the setting {@code chain} names, in that order, and the network's name. Everything else stays as
 * somebody else put it there: further plugins, before Ikat's or after it, and fields of the list. A configuration that
 * is in order is the result of its own merge, and so is every result.
 */
final class ChainMerge {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The network's name, which leases have. */
    static final String NETWORK = "ikat";

    private static final String TYPE = "ikat";

    /**
     * A field of the list, with the types of the chained plugins that Ikat wrote: so a later agent with another chain
     * knows which of the plugins are somebody else's. Runtimes leave fields alone that they do not know.
     */
    private static final String WRITTEN = "dev.ikat/chain";

    private static final String OFFERED = "cniVersions";

    /** Plugins that make a pod's interface. One before Ikat's leaves nothing to do for Ikat, whose ADD fails. */
    private static final Set<String> INTERFACE_PLUGINS = Set.of(
            "antrea",
            "aws-cni",
            "azure-vnet",
            "bridge",
            "calico",
            "cilium-cni",
            "dummy",
            "flannel",
            "host-device",
            "ipvlan",
            "kube-router",
            "macvlan",
            "multus",
            "multus-shim",
            "ovn-k8s-cni-overlay",
            "ptp",
            "tap",
            "vlan",
            "weave-net");

    /**
     * The versions of which a runtime with libcni 1.2 takes the newest that it knows (CNI specification 1.1, section
     * 1); older ones read {@code cniVersion} alone.
     */
    private static final List<CniVersion> VERSIONS = List.of(CniVersion.V1_0_0, CniVersion.NEWEST);

    private final List<ChainedPlugin> chain;
    private final boolean keep;
    private final Predicate<List<String>> supportNewest;

    /**
     * @param keep whether others' changes stay
     * @param supportNewest whether plugins of these types, and whatever else runs with them, support the newest version
     */
    ChainMerge(List<ChainedPlugin> chain, boolean keep, Predicate<List<String>> supportNewest) {
        this.chain = List.copyOf(chain);
        this.keep = keep;
        this.supportNewest = supportNewest;
    }

    /** One plugin of the list, and the place of the chain that it has; -1 for somebody else's. */
    private record Entry(JsonNode plugin, int place) {}

    /**
     * What the configuration has to be.
     *
     * @param present what it is, if it is a JSON object
     */
    ObjectNode merge(Optional<ObjectNode> present) {
        ObjectNode list = present.filter(_ -> keep)
                .filter(ChainMerge::isIkats)
                .map(ObjectNode::deepCopy)
                .orElseGet(JSON::createObjectNode);
        if (CniVersion.of(list.path("cniVersion").asText()).isEmpty()) {
            list.put("cniVersion", CniVersion.V1_0_0.toString());
        }
        list.put("name", NETWORK);
        ArrayNode plugins = plugins(list);
        // In this order where the list is new.
        list.remove(WRITTEN);
        setVersions(list, plugins);
        list.set("plugins", plugins);
        if (!chain.isEmpty()) {
            ArrayNode written = list.putArray(WRITTEN);
            chain.forEach(plugin -> written.add(plugin.type()));
        }
        return list;
    }

    /** Offers the newest version where all plugins support it. Versions that somebody else has chosen stay. */
    private void setVersions(ObjectNode list, ArrayNode plugins) {
        ArrayNode offered = JSON.createArrayNode();
        VERSIONS.forEach(version -> offered.add(version.toString()));
        if (list.has(OFFERED) && !list.path(OFFERED).equals(offered)) {
            return;
        }
        List<String> others = new ArrayList<>();
        for (JsonNode plugin : plugins) {
            if (!isOwn(plugin)) {
                others.add(type(plugin));
            }
        }
        if (list.path("cniVersion").asText().equals(CniVersion.V1_0_0.toString()) && supportNewest.test(others)) {
            list.set(OFFERED, offered);
        } else {
            list.remove(OFFERED);
        }
    }

    private static boolean isIkats(ObjectNode list) {
        return list.path("name").asText().equals(NETWORK) || hasOwn(list);
    }

    private static boolean hasOwn(ObjectNode list) {
        for (JsonNode plugin : list.path("plugins")) {
            if (isOwn(plugin)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isOwn(JsonNode plugin) {
        return type(plugin).equals(TYPE);
    }

    /** The plugin's type; empty for what is no plugin. */
    static String type(JsonNode plugin) {
        return plugin.path("type").isTextual() ? plugin.path("type").asText() : "";
    }

    private ArrayNode plugins(ObjectNode list) {
        boolean hasOwn = hasOwn(list);
        List<Entry> before = new ArrayList<>();
        List<Entry> after = new ArrayList<>();
        List<String> former = new ArrayList<>();
        list.path(WRITTEN).forEach(type -> former.add(type.asText()));
        boolean passed = !hasOwn;
        Set<Integer> found = new HashSet<>();
        for (JsonNode plugin : list.path("plugins")) {
            if (isOwn(plugin)) {
                passed = true;
                continue;
            }
            int place = passed ? place(plugin, found) : -1;
            boolean formers = passed && former.remove(type(plugin));
            if (place >= 0) {
                found.add(place);
            } else if (formers || type(plugin).isEmpty() || makesInterface(plugin, hasOwn && passed)) {
                continue;
            }
            (passed ? after : before).add(new Entry(plugin, place));
        }
        if (!isInOrder(after)) {
            after = rearranged(after);
        }
        ArrayNode plugins = JSON.createArrayNode();
        before.forEach(entry -> plugins.add(entry.plugin()));
        plugins.add(own());
        after.forEach(entry -> plugins.add(entry.plugin()));
        return plugins;
    }

    /** Whether an interface is made before Ikat's turn; where Ikat's entry is gone, such a plugin is in its place. */
    private static boolean makesInterface(JsonNode plugin, boolean afterOwn) {
        return !afterOwn && INTERFACE_PLUGINS.contains(type(plugin));
    }

    private static ObjectNode own() {
        ObjectNode own = JSON.createObjectNode().put("type", TYPE);
        own.putObject("capabilities").put("ips", true);
        return own;
    }

    /** Which plugin of the chain this is: one with all of its fields, whatever others it has; -1 for none. */
    private int place(JsonNode plugin, Set<Integer> taken) {
        for (int i = 0; i < chain.size(); i++) {
            if (!taken.contains(i) && contains(plugin, configuration(chain.get(i)))) {
                return i;
            }
        }
        return -1;
    }

    private static boolean contains(JsonNode present, JsonNode wanted) {
        if (!wanted.isObject()) {
            return present.equals(wanted);
        }
        return present.isObject()
                && wanted.properties().stream()
                        .allMatch(field -> present.has(field.getKey())
                                && contains(present.path(field.getKey()), field.getValue()));
    }

    private static JsonNode configuration(ChainedPlugin plugin) {
        try {
            return JSON.readTree(plugin.configuration());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the configuration of " + plugin.type() + " was JSON when it was read", e);
        }
    }

    /** Whether the whole chain is there in its order; others may stand between. */
    private boolean isInOrder(List<Entry> after) {
        return after.stream()
                .map(Entry::place)
                .filter(place -> place >= 0)
                .toList()
                .equals(places());
    }

    private List<Integer> places() {
        List<Integer> places = new ArrayList<>();
        for (int i = 0; i < chain.size(); i++) {
            places.add(i);
        }
        return places;
    }

    /** The chain, then the others. */
    private List<Entry> rearranged(List<Entry> after) {
        List<Entry> all = new ArrayList<>();
        for (int place : places()) {
            all.add(after.stream()
                    .filter(entry -> entry.place() == place)
                    .findFirst()
                    .orElseGet(() -> new Entry(configuration(chain.get(place)), place)));
        }
        after.stream().filter(entry -> entry.place() < 0).forEach(all::add);
        return all;
    }

    /** The types of the plugins that are somebody else's. */
    static List<String> others(ObjectNode list) {
        List<String> chained = new ArrayList<>();
        list.path(WRITTEN).forEach(type -> chained.add(type.asText()));
        List<String> others = new ArrayList<>();
        for (JsonNode plugin : list.path("plugins")) {
            if (!isOwn(plugin) && !chained.remove(type(plugin))) {
                others.add(type(plugin));
            }
        }
        return others;
    }
}
