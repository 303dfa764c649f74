package dev.ikat.netlink.route;

/** What {@link FakeNetlink} answers to a request in place of doing it. */
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int errno;

    Refusal(int errno) {
        this.errno = errno;
    }

    int errno() {
        return errno;
    }

    /** Refuses unless this is so. */
    static void unless(boolean possible, int errno) {
        if (!possible) {
            throw new Refusal(errno);
        }
    }
}
