package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import dev.ikat.cluster.ObjectKind;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the API server's history reaches as far as what it said before. It does not after a backup was restored: then
 * a watch from there on may be accepted, and is silent about everything until the history is as long again. Versions
 * are compared as the numbers that Kubernetes has them be (KEP-5504). Thread-safe.
 */
final class ServerHistory {
    private static final Logger LOG = LoggerFactory.getLogger(ServerHistory.class);
    private static final Duration STALL = Duration.ofSeconds(10);
    /** A list of one object from the server's store, whose head says where that stands. */
    private static final String ONE = "?limit=1";

    private final ApiConnection api;
    private final Set<GuardedStream> streams = ConcurrentHashMap.newKeySet();

    ServerHistory(ApiConnection api) {
        this.api = api;
    }

    /** Whether a version is of an earlier time; never where one of them is no number. */
    static boolean isOlder(String version, String than) {
        return isNumber(version)
                && isNumber(than)
                && (version.length() == than.length() ? version.compareTo(than) < 0 : version.length() < than.length());
    }

    private static boolean isNumber(String version) {
        // The server writes none that begins with 0, but the 0 itself.
        return !version.isEmpty() && version.chars().allMatch(digit -> digit >= '0' && digit <= '9');
    }

    /**
     * Has reflectors begin anew whose kind the server has forgotten something of, which it may say nothing of to the
     * watches that it has.
     */
    void check(List<Reflector> reflectors) {
        // What was heard before the server is asked is what it should know.
        Map<ApiKind<?>, String> heard = new HashMap<>();
        reflectors.forEach(reflector -> heard.put(reflector.kind(), reflector.version()));
        try {
            Set<ApiKind<?>> behind = behind(heard);
            reflectors.stream()
                    .filter(reflector -> behind.contains(reflector.kind()))
                    .forEach(Reflector::startOver);
        } catch (ApiException | IOException e) {
            // The watches tell of a server that does not answer.
            LOG.atDebug().addKeyValue("error", e::toString).log("api-history-unknown");
        } catch (InterruptedException e) {
            // Only the end of the source interrupts.
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Whether the server has forgotten what it said up to a version of this kind.
     *
     * @throws ApiException if there is no answer; a server that only refuses is not suspected
     */
    boolean isBehind(ApiKind<?> kind, String version) throws IOException, InterruptedException {
        return !behind(Map.of(kind, version)).isEmpty();
    }

    /** Namespaces are asked for, of which there are few; what they say of another kind, that one has to confirm. */
    private Set<ApiKind<?>> behind(Map<ApiKind<?>, String> heard) throws IOException, InterruptedException {
        Set<ApiKind<?>> behind = new HashSet<>();
        if (heard.values().stream().noneMatch(ServerHistory::isNumber)) {
            return behind;
        }
        String namespaces = reached(ApiKinds.NAMESPACES);
        for (Map.Entry<ApiKind<?>, String> each : heard.entrySet()) {
            ApiKind<?> kind = each.getKey();
            if (isOlder(namespaces, each.getValue())
                    && (kind.kind().equals(ObjectKind.NAMESPACE) || isOlder(reached(kind), each.getValue()))) {
                behind.add(kind);
            }
        }
        return behind;
    }

    /** Where the store stands; empty where the server does not say. */
    private String reached(ApiKind<?> kind) throws IOException, InterruptedException {
        for (String path : kind.paths()) {
            String reached = reached(kind, path);
            if (!reached.isEmpty()) {
                return reached;
            }
        }
        return "";
    }

    private String reached(ApiKind<?> kind, String path) throws IOException, InterruptedException {
        GuardedStream body;
        try {
            body = new GuardedStream(api.get(path + ONE), STALL);
        } catch (ApiException e) {
            if (e.code() == ApiException.NO_ANSWER) {
                throw e;
            }
            return "";
        }
        streams.add(body);
        try (body;
                JsonParser json = ApiConnection.JSON.createParser((InputStream) body)) {
            return ListHead.read(json, kind, _ -> {}).version();
        } finally {
            streams.remove(body);
        }
    }

    /** Ends a request whose connection must have died; to be called now and then, from any thread. */
    void checkStalled() {
        streams.stream().filter(GuardedStream::isStalled).forEach(GuardedStream::closeQuietly);
    }
}
