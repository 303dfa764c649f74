/** What can filter packets, as the agent sees it: capabilities, whatever the technology. */
module dev.ikat.dataplane {
    requires transitive dev.ikat.model;
    requires transitive dev.ikat.policy;
    requires transitive dev.ikat.services;
    requires static org.jspecify;

    exports dev.ikat.dataplane;
}
