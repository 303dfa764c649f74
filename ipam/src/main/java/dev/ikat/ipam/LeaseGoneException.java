package dev.ikat.ipam;

import dev.ikat.model.Attachment;

/** There is no lease to activate, because it was freed in the meantime. */
public final class LeaseGoneException extends IpamException {
    private static final long serialVersionUID = 1L;

    LeaseGoneException(Attachment attachment) {
        super("the lease of " + attachment + " was freed by another process before it became active; repeat the ADD");
    }
}
