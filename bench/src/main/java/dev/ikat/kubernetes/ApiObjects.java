package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import dev.ikat.cluster.ClusterObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** What benchmarks measure of this package that nobody else has to call. Not shipped. */
public final class ApiObjects {
    private ApiObjects() {}

    /** A pod, read as from each event of a watch. */
    public static ClusterObject pod(byte[] json) {
        try (JsonParser parser = ApiConnection.JSON.createParser(json)) {
            parser.nextToken();
            return ApiObject.read(parser, ApiKinds.PODS).read().object().orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How many objects there are in a table that all of these have been put into. */
    public static int inTable(List<? extends ClusterObject> objects) {
        ObjectTable table = new ObjectTable();
        objects.forEach(table::put);
        return table.size();
    }
}
