package dev.ikat.kubernetes;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which fields of a JSON object are kept. Lists do not count as a level: {@code spec.containers.ports} are the ports of
 * every container.
 */
final class FieldFilter {
    private static final FieldFilter EVERYTHING = new FieldFilter(true);

    private final boolean everything;
    private final Map<String, FieldFilter> fields = new HashMap<>();

    private FieldFilter(boolean everything) {
        this.everything = everything;
    }

    /** Keeps all fields. */
    static FieldFilter everything() {
        return EVERYTHING;
    }

    /** Keeps these fields with all that is in them. */
    static FieldFilter of(List<String> paths) {
        FieldFilter filter = new FieldFilter(false);
        for (String path : paths) {
            filter.add(path);
        }
        return filter;
    }

    private void add(String path) {
        int dot = path.indexOf('.');
        if (dot < 0) {
            fields.put(path, EVERYTHING);
        } else {
            fields.computeIfAbsent(path.substring(0, dot), _ -> new FieldFilter(false))
                    .add(path.substring(dot + 1));
        }
    }

    /** What is kept of a field; null if it is not. */
    @Nullable
    FieldFilter of(String field) {
        return everything ? this : fields.get(field);
    }
}
