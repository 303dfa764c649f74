/** Network policies, compiled for the pods of one node, and what enforces them. */
module dev.ikat.policy {
    requires transitive dev.ikat.cluster;
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.policy.compiler;
    exports dev.ikat.policy.program;
}
