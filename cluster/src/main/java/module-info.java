/** The cluster as values: nodes, pods, namespaces and network policies, their keys, and what changes. */
module dev.ikat.cluster {
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.cluster;
}
