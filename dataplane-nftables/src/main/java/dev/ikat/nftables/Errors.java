package dev.ikat.nftables;

/** The errors of nf_tables that mean something to Ikat (asm-generic/errno-base.h, errno.h). */
final class Errors {
    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EEXIST = 17;
    static final int EINVAL = 22;
    static final int EOPNOTSUPP = 95;

    private Errors() {}

    static String name(int errno) {
        return switch (errno) {
            case EPERM -> "EPERM (it belongs to another process)";
            case ENOENT -> "ENOENT (no such object)";
            case EEXIST -> "EEXIST (it is there already)";
            case EINVAL -> "EINVAL (invalid)";
            case EOPNOTSUPP -> "EOPNOTSUPP (not supported)";
            default -> "errno " + errno;
        };
    }
}
