/** Value types that the other modules share: addresses, prefixes, names. It depends on nothing. */
module dev.ikat.model {
    requires static org.jspecify;

    exports dev.ikat.model;
}
