package dev.ikat.netlink.route;

import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.nio.ByteOrder;
import java.util.Optional;

/** Messages of traffic control: struct tcmsg and TCA_* (linux/rtnetlink.h), TCA_BPF_* (linux/pkt_cls.h). */
public final class FilterMessage {
    static final int RTM_NEWQDISC = 36;
    static final int RTM_DELQDISC = 37;
    static final int RTM_NEWTFILTER = 44;
    static final int RTM_DELTFILTER = 45;
    static final int RTM_GETTFILTER = 46;

    private static final int TCA_KIND = 1;
    private static final int TCA_OPTIONS = 2;
    private static final int TCA_BPF_FD = 6;
    private static final int TCA_BPF_NAME = 7;
    private static final int TCA_BPF_FLAGS = 8;
    private static final int TCA_BPF_ID = 11;
    private static final int TCA_BPF_FLAG_ACT_DIRECT = 1;

    private static final String CLSACT = "clsact";
    private static final String BPF = "bpf";

    /** TC_H_CLSACT, linux/pkt_sched.h. */
    private static final int CLSACT_PARENT = 0xfffffff1;

    private static final int CLSACT_HANDLE = 0xffff0000;

    /** TC_H_MIN_INGRESS and TC_H_MIN_EGRESS of clsact. */
    private static final int INGRESS = 0xfffffff2;

    private static final int EGRESS = 0xfffffff3;

    private static final int ETH_P_ALL = 3; // linux/if_ether.h
    private static final int FILTER_HANDLE = 1;
    private static final int HEADER = 20;

    private FilterMessage() {}

    static void writeClsact(MessageWriter message, int interfaceIndex) {
        tcmsg(message, interfaceIndex, CLSACT_HANDLE, CLSACT_PARENT, 0);
        message.string(TCA_KIND, CLSACT);
    }

    static void write(
            MessageWriter message, int interfaceIndex, boolean ingress, int preference, String name, int program) {
        tcmsg(message, interfaceIndex, FILTER_HANDLE, parent(ingress), info(preference));
        message.string(TCA_KIND, BPF)
                .nested(
                        TCA_OPTIONS,
                        options -> options.u32(TCA_BPF_FD, program)
                                .string(TCA_BPF_NAME, name)
                                .u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT));
    }

    static void writeDelete(MessageWriter message, int interfaceIndex, boolean ingress, int preference) {
        tcmsg(message, interfaceIndex, FILTER_HANDLE, parent(ingress), info(preference));
        message.string(TCA_KIND, BPF);
    }

    static void writeDump(MessageWriter message, int interfaceIndex, boolean ingress) {
        tcmsg(message, interfaceIndex, 0, parent(ingress), 0);
    }

    private static int parent(boolean ingress) {
        return ingress ? INGRESS : EGRESS;
    }

    /** The filter's preference, and the protocol in network byte order. */
    private static int info(int preference) {
        boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        return preference << 16 | (little ? ETH_P_ALL << 8 : ETH_P_ALL);
    }

    private static void tcmsg(MessageWriter message, int interfaceIndex, int handle, int parent, int info) {
        message.bodyU8(0)
                .bodyU8(0)
                .bodyU16(0)
                .bodyU32(interfaceIndex)
                .bodyU32(handle)
                .bodyU32(parent)
                .bodyU32(info);
    }

    /** Reads RTM_NEWTFILTER; a filter of another kind has no name and the program 0. Empty for any other message. */
    public static Optional<BpfFilter> read(MessageReader message) {
        message.requireBody("tcmsg", HEADER);
        if (message.bodyU32(8) == 0) {
            // The head of a preference, without a filter of its own.
            return Optional.empty();
        }
        String kind = "";
        String name = "";
        int program = 0;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case TCA_KIND -> kind = attributes.string();
                case TCA_OPTIONS -> {
                    if (kind.equals(BPF)) {
                        AttributeReader options = attributes.nested();
                        while (options.next()) {
                            switch (options.type()) {
                                case TCA_BPF_NAME -> name = options.string();
                                case TCA_BPF_ID -> program = options.u32();
                                default -> {}
                            }
                        }
                    }
                }
                default -> {}
            }
        }
        return Optional.of(new BpfFilter(message.bodyU32(4), message.bodyU32(16) >>> 16, name, program));
    }
}
