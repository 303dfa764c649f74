/** What the cluster says, as values: nodes, pods, namespaces and network policies. */
module dev.ikat.policy {
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.policy;
    exports dev.ikat.policy.compiler;
    exports dev.ikat.policy.program;
}
