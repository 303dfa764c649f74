package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ikat.cluster.Protocol;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Elements as nftables lists them, brought to the same words as those that were put in. */
final class Listing {
    private Listing() {}

    /** An element that was put in, as {@link #texts} says it. */
    static String text(Element element) {
        return "element " + element.text().replace("\"", "") + " of " + element.set();
    }

    /** The elements of a set or map, as {@code nft -j} lists it. */
    static List<String> texts(JsonNode set) {
        List<String> texts = new ArrayList<>();
        for (JsonNode element : set.path("elem")) {
            boolean hasVerdict = set.has("map") && element.isArray() && element.size() == 2;
            JsonNode key = hasVerdict ? element.get(0) : element;
            String verdict = hasVerdict ? " : " + verdict(element.get(1)) : "";
            texts.add(
                    "element " + key(key) + verdict + " of " + set.path("name").asText());
        }
        return texts;
    }

    private static String key(JsonNode key) {
        JsonNode value = key.path("elem").path("val");
        if (!value.isMissingNode()) {
            return key(value);
        }
        if (!key.has("concat")) {
            return part(key);
        }
        List<String> parts = new ArrayList<>();
        key.path("concat").forEach(part -> parts.add(part(part)));
        return String.join(" . ", parts);
    }

    /** Protocols and well-known ports are listed by name or number, as the machine's files have it. */
    private static String part(JsonNode part) {
        String text = part.asText();
        for (Protocol protocol : Protocol.values()) {
            if (protocol.name().toLowerCase(Locale.ROOT).equals(text)) {
                return Integer.toString(protocol.number());
            }
        }
        return text;
    }

    private static String verdict(JsonNode verdict) {
        if (verdict.has("return")) {
            return "return";
        }
        return "goto " + verdict.path("goto").path("target").asText();
    }
}
