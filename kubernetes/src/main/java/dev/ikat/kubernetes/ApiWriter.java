package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKey;

/**
 * Writes to the Kubernetes API: the status of objects, events, and the {@link LeaderLease} that says who may. Each
 * request waits for its answer. Thread-safe.
 */
public final class ApiWriter implements AutoCloseable {
    private final ApiConnection api;

    private ApiWriter(ApiConnection api) {
        this.api = api;
    }

    /**
     * Prepares to write; nothing is sent yet.
     *
     * @throws ClusterSourceException if the API's address or the credentials for it are not known
     */
    public static ApiWriter open(ApiAddress address) {
        return new ApiWriter(ApiConnection.open(address));
    }

    /** What became of a request. */
    public sealed interface Written {
        /** It was done. */
        record Done() implements Written {}

        /** The object is not what it was when the request was made: there is a newer version of it. */
        record Conflict() implements Written {}

        /** There is no such object any more. */
        record Gone() implements Written {}

        /**
         * It was not done, and may be later.
         *
         * @param reason why, for the log
         */
        record Failed(String reason) implements Written {}
    }

    /**
     * Changes the status of an object by a merge patch.
     *
     * @param patch the JSON of the whole object as far as it is to change, with its resource version if no other one is
     *     to be changed
     */
    public Written mergeStatus(ApiKind<?> kind, ObjectKey key, String patch) throws InterruptedException {
        return written(() -> api.merge(kind.statusPath(key), patch));
    }

    /**
     * Creates an event (core/v1) in a namespace.
     *
     * @param event its JSON
     */
    public Written createEvent(String namespace, String event) throws InterruptedException {
        return written(() -> api.create("/api/v1/namespaces/" + namespace + "/events", event));
    }

    private interface Request {
        void send() throws InterruptedException;
    }

    private static Written written(Request request) throws InterruptedException {
        try {
            request.send();
            return new Written.Done();
        } catch (ApiException e) {
            return switch (e.code()) {
                case ApiException.CONFLICT -> new Written.Conflict();
                case ApiException.NOT_FOUND -> new Written.Gone();
                default -> new Written.Failed(String.valueOf(e.getMessage()));
            };
        }
    }

    /**
     * The lease of this name, which one of several holds in turn; nothing is sent yet.
     *
     * @param identity who this is: a name that no other has
     */
    public LeaderLease lease(String namespace, String name, String identity) {
        return new LeaderLease(api, namespace, name, identity, LeaderLease.Timing.DEFAULT);
    }

    /** Reads certificates, keys and kubeconfig anew where they were replaced; to be called every second or so. */
    public void followFiles() {
        api.followFiles();
    }

    @Override
    public void close() {
        api.close();
    }
}
