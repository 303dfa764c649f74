/** Address ranges, and the store of who has which address. */
module dev.ikat.ipam {
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.ipam;
}
