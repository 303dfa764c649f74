/** BGP on a node: what it has to speak and announce, and BIRD, which does. */
module dev.ikat.bgp {
    requires transitive dev.ikat.cluster;
    requires transitive dev.ikat.model;
    requires dev.ikat.files;
    requires org.jnrproject.unixsocket;
    requires static org.jspecify;

    exports dev.ikat.bgp;
    exports dev.ikat.bgp.bird;
}
