package dev.ikat.agent.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A plugin that runs after Ikat.
 *
 * @param type its type, which is the name of its program
 * @param configuration its entry in the network configuration: a JSON object
 * @param optional whether pods go without it where it is not installed, instead of not starting
 */
public record ChainedPlugin(String type, String configuration, boolean optional) {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final String TYPE = "[a-zA-Z0-9][a-zA-Z0-9_.-]*";

    /**
     * Reads an element of the setting: a type, with a question mark behind it if it is optional; a JSON object; or
     * {@code @FILE} for the object in that file.
     *
     * @throws IllegalArgumentException that says what is wrong with it
     */
    static ChainedPlugin parse(String element) {
        if (element.strip().startsWith("{")) {
            return object("'" + element.strip() + "'", element);
        }
        if (!element.startsWith("@")) {
            boolean optional = element.endsWith("?");
            ChainedPlugin plugin = of(optional ? element.substring(0, element.length() - 1) : element);
            return new ChainedPlugin(plugin.type, plugin.configuration, optional);
        }
        String file = element.substring(1);
        try {
            return object("the content of " + file, Files.readString(Path.of(file), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IllegalArgumentException("the file " + file + " can't be read: " + e, e);
        }
    }

    /** A plugin that needs no configuration but what the runtime tells it. */
    public static ChainedPlugin of(String type) {
        requireType("'" + type + "'", type);
        ObjectNode entry = JSON.createObjectNode().put("type", type);
        switch (type) {
            case "portmap" -> entry.putObject("capabilities").put("portMappings", true);
            case "bandwidth" -> entry.putObject("capabilities").put("bandwidth", true);
            default -> {
                // A plugin that needs no capability of the runtime, such as tuning.
            }
        }
        return new ChainedPlugin(type, entry.toString(), false);
    }

    private static ChainedPlugin object(String what, String text) {
        JsonNode entry;
        try {
            entry = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(what + " is invalid: it is not JSON: " + e.getOriginalMessage(), e);
        }
        if (!entry.isObject() || !entry.path("type").isTextual()) {
            throw new IllegalArgumentException(
                    what + " is invalid: it has to be a JSON object with the plugin's 'type', as in {\"type\":"
                            + " \"tuning\", \"sysctl\": {\"net.core.somaxconn\": \"500\"}}");
        }
        String type = entry.path("type").asText();
        requireType(what, type);
        return new ChainedPlugin(type, entry.toString(), false);
    }

    private static void requireType(String what, String type) {
        if (!type.matches(TYPE) || type.equals("ikat")) {
            throw new IllegalArgumentException(
                    what + " is invalid: it is not the type of a plugin that can follow Ikat");
        }
        ChainTypes.fault(type).ifPresent(reason -> {
            throw new IllegalArgumentException(what + " is invalid: " + reason);
        });
    }
}
