package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * One event of a watch.
 *
 * @param type as in {@code ADDED} or {@code BOOKMARK}
 * @param object what it is about; of an error the Status, and of a bookmark only how far the watch has come
 */
record WatchEvent(String type, ApiObject object) {
    /** Reads the event that the parser stands at the beginning of. */
    static WatchEvent read(JsonParser json, ApiKind<?> kind) throws IOException {
        String type = "";
        ApiObject object = null;
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            JsonToken token = json.nextToken();
            if (name.equals("type")) {
                type = json.getValueAsString("");
            } else if (name.equals("object") && token == JsonToken.START_OBJECT) {
                object = ApiObject.read(json, kind);
            } else {
                json.skipChildren();
            }
        }
        if (object == null) {
            throw new IOException("an event of " + kind.title() + " is about nothing");
        }
        return new WatchEvent(type, object);
    }

    /** What an error says of itself. */
    ApiException error() {
        String code = object.text("code");
        return new ApiException(
                code.matches("[0-9]{1,4}") ? Integer.parseInt(code) : 500,
                "the watch of " + object.kind().title() + " ended: " + object.text("message"));
    }
}
