/** Directories and files that only their owner can change. The JDK alone. */
module dev.ikat.files {
    requires static org.jspecify;

    exports dev.ikat.files;
}
