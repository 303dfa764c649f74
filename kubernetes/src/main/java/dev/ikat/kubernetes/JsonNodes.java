package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads JSON into the same nodes that YAML is read into, so that one reader understands both, and leaves out on the way
 * what nobody asks for: most of what the API server sends.
 */
final class JsonNodes {
    private JsonNodes() {}

    /** Reads the value that the parser stands at the beginning of, and leaves it at its end. */
    static Node read(JsonParser json, FieldFilter keep) throws IOException {
        JsonToken token = json.currentToken();
        if (token == null) {
            throw new IOException("the JSON text ends where a value should begin");
        }
        return switch (token) {
            case START_OBJECT -> mapping(json, keep);
            case START_ARRAY -> sequence(json, keep);
            case VALUE_STRING -> scalar(Tag.STR, json.getText());
            case VALUE_NUMBER_INT -> scalar(Tag.INT, json.getText());
            case VALUE_NUMBER_FLOAT -> scalar(Tag.FLOAT, json.getText());
            case VALUE_TRUE, VALUE_FALSE -> scalar(Tag.BOOL, json.getText());
            case VALUE_NULL -> scalar(Tag.NULL, "null");
            default -> throw new IOException("a JSON value can't begin with " + token);
        };
    }

    private static Node scalar(Tag tag, String text) {
        return new ScalarNode(tag, text, ScalarStyle.PLAIN);
    }

    private static Node mapping(JsonParser json, FieldFilter keep) throws IOException {
        List<NodeTuple> tuples = new ArrayList<>();
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            FieldFilter kept = keep.of(name);
            json.nextToken();
            if (kept == null) {
                json.skipChildren();
            } else {
                tuples.add(new NodeTuple(scalar(Tag.STR, name), read(json, kept)));
            }
        }
        return new MappingNode(Tag.MAP, tuples, FlowStyle.BLOCK);
    }

    private static Node sequence(JsonParser json, FieldFilter keep) throws IOException {
        List<Node> elements = new ArrayList<>();
        for (JsonToken token = json.nextToken();
                token != null && token != JsonToken.END_ARRAY;
                token = json.nextToken()) {
            elements.add(read(json, keep));
        }
        return new SequenceNode(Tag.SEQ, elements, FlowStyle.BLOCK);
    }
}
