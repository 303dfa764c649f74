/** Services, compiled for one node: which connections go where. */
module dev.ikat.services {
    requires transitive dev.ikat.cluster;
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.services.compiler;
    exports dev.ikat.services.program;
}
