package dev.ikat.ipam;

import dev.ikat.model.NetworkName;

/** Another network has a lease for the same interface of the same container. */
public final class AttachmentTakenException extends IpamException {
    private static final long serialVersionUID = 1L;

    AttachmentTakenException(Lease lease, NetworkName asking) {
        super(lease.attachment() + " belongs to network " + lease.network()
                + " and can't be assigned addresses of network " + asking
                + " too; delete it there first, or use another interface name");
    }
}
