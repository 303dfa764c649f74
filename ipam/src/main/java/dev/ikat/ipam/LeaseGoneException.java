package dev.ikat.ipam;

import dev.ikat.model.Attachment;

/** There is no lease to activate: somebody freed it meanwhile. */
public final class LeaseGoneException extends IpamException {
    private static final long serialVersionUID = 1L;

    LeaseGoneException(Attachment attachment) {
        super("the lease of " + attachment + " was freed by somebody else before it was active; add it again");
    }
}
