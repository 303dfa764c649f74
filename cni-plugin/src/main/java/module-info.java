/** The CNI plugin: what a runtime asks, what it is answered, and the wiring of a pod in between. */
module dev.ikat.cni {
    requires static org.jspecify;
    requires transitive dev.ikat.model;
    requires dev.ikat.files;
    requires transitive dev.ikat.netlink;
    requires transitive dev.ikat.ipam;
    requires com.fasterxml.jackson.core;

    exports dev.ikat.cni;
}
