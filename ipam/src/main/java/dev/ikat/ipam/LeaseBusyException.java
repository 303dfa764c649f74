package dev.ikat.ipam;

/** The lease is being released: the attachment can be used again when its link no longer exists. */
public final class LeaseBusyException extends IpamException {
    private static final long serialVersionUID = 1L;

    private final transient Lease lease;

    LeaseBusyException(Lease lease) {
        super("the lease of " + lease.attachment() + " is still being released (since " + lease.since()
                + "); finish its DEL, or try again later");
        this.lease = lease;
    }

    /** The lease as it is now. */
    Lease lease() {
        return lease;
    }
}
