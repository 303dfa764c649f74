package dev.ikat.netlink.wire;

import dev.ikat.netlink.MalformedMessageException;

/**
 * Acknowledgements: struct nlmsgerr and NLMSGERR_ATTR_* ({@code linux/netlink.h}), and the status at the end of a dump.
 */
public final class AckMessage {
    private static final int NLM_F_CAPPED = 0x100;
    private static final int NLM_F_ACK_TLVS = 0x200;

    private static final int NLMSGERR_ATTR_MSG = 1;
    private static final int NLMSGERR_ATTR_OFFS = 2;
    private static final int NLMSGERR_ATTR_MISS_TYPE = 5;

    /** The greatest error number, linux/err.h in the kernel. */
    private static final int MAX_ERRNO = 4095;

    private static final int ERROR = 4;

    private AckMessage() {}

    /** The error number, positive, or 0 for success. Some dumps end without a status, which means success. */
    public static int errno(MessageReader message) {
        if (message.type() == MessageReader.NLMSG_DONE && message.bodyLength() < ERROR) {
            return 0;
        }
        message.requireBody("nlmsgerr", ERROR);
        int error = message.bodyU32(0);
        // A dump's end may carry a length instead, which is positive.
        if (error >= 0 && message.type() == MessageReader.NLMSG_DONE) {
            return 0;
        }
        if (error > 0 || error < -MAX_ERRNO) {
            throw new MalformedMessageException("an acknowledgement with the error " + error);
        }
        return -error;
    }

    /** The kernel's explanation of a failure, empty if it gave none. */
    public static String explanation(MessageReader message) {
        if ((message.flags() & NLM_F_ACK_TLVS) == 0) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        AttributeReader attributes = message.attributes(fixedLength(message));
        while (attributes.next()) {
            switch (attributes.type()) {
                case NLMSGERR_ATTR_MSG -> text.insert(0, attributes.string());
                case NLMSGERR_ATTR_OFFS ->
                    text.append(", about the attribute at offset ").append(Integer.toUnsignedString(attributes.u32()));
                case NLMSGERR_ATTR_MISS_TYPE ->
                    text.append(", missing attribute ").append(Integer.toUnsignedString(attributes.u32()));
                default -> {}
            }
        }
        return text.indexOf(", ") == 0 ? text.substring(2) : text.toString();
    }

    private static int fixedLength(MessageReader message) {
        if (message.type() == MessageReader.NLMSG_DONE) {
            return ERROR;
        }
        int headers = ERROR + MessageWriter.NLMSG_HDRLEN;
        message.requireBody("nlmsgerr", headers);
        if ((message.flags() & NLM_F_CAPPED) != 0) {
            return headers;
        }
        int requestLength = message.bodyU32(ERROR);
        if (requestLength < MessageWriter.NLMSG_HDRLEN || requestLength > message.bodyLength() - ERROR) {
            throw new MalformedMessageException(
                    "an acknowledgement of a request of " + Integer.toUnsignedString(requestLength) + " bytes");
        }
        return ERROR + requestLength;
    }
}
