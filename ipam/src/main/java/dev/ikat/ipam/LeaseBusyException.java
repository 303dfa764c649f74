package dev.ikat.ipam;

/** The lease is being released: the attachment can be used again when its interface is gone. */
public final class LeaseBusyException extends IpamException {
    private static final long serialVersionUID = 1L;

    private final transient Lease lease;

    LeaseBusyException(Lease lease) {
        super("the lease of " + lease.attachment() + " is being released since " + lease.since()
                + "; finish that, or try again later");
        this.lease = lease;
    }

    /** The lease as it is now. */
    public Lease lease() {
        return lease;
    }
}
