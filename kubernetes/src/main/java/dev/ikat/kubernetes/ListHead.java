package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * What a list, or a page of one, says of itself.
 *
 * @param version where the history of its kind stands by it
 * @param next what to ask for to go on; empty where it is the last page
 */
record ListHead(String version, String next) {
    /** Reads a list whole, and gives its objects to {@code listed} on the way. */
    static ListHead read(JsonParser json, ApiKind<?> kind, Consumer<ApiObject> listed) throws IOException {
        ListHead head = new ListHead("", "");
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw new IOException("a list of " + kind.title() + " is not a JSON object");
        }
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            JsonToken token = json.nextToken();
            if (name.equals("metadata") && token == JsonToken.START_OBJECT) {
                head = metadata(json);
            } else if (name.equals("items") && token == JsonToken.START_ARRAY) {
                while (json.nextToken() == JsonToken.START_OBJECT) {
                    listed.accept(ApiObject.read(json, kind));
                }
            } else {
                json.skipChildren();
            }
        }
        if (json.currentToken() != JsonToken.END_OBJECT) {
            throw new IOException("a list of " + kind.title() + " ends too early");
        }
        if (head.version.isEmpty()) {
            throw new IOException("a list of " + kind.title() + " came without metadata.resourceVersion");
        }
        return head;
    }

    private static ListHead metadata(JsonParser json) throws IOException {
        String version = "";
        String next = "";
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            json.nextToken();
            switch (name) {
                case "resourceVersion" -> version = json.getValueAsString("");
                case "continue" -> next = json.getValueAsString("");
                default -> json.skipChildren();
            }
        }
        return new ListHead(version, next);
    }
}
