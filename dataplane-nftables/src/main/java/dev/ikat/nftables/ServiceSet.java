package dev.ikat.nftables;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;
import java.util.List;

/** The sets and maps of services; there is one of each for each family. */
@SuppressWarnings("ImmutableEnumChecker") // What a constant has is set while it is made.
enum ServiceSet {
    /** Which chain sends new connections to a frontend on. */
    FRONTENDS("frontends", Data.CHAIN, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT),
    /** The same for those from inside, where it differs. */
    INSIDE("inside", Data.CHAIN, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT),
    /** The same for those from outside, where it differs. */
    OUTSIDE("outside", Data.CHAIN, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT),
    /** The backends of each frontend, by their indices. */
    BACKENDS("backends", Data.SOCKET, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT, Field.INDEX),
    /** The chains of the backends of frontends with session affinity, by their indices. */
    CHOICES("choices", Data.CHAIN, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT, Field.INDEX),
    /** Which chain decides what source address a frontend's backends see; packets come back from it. */
    TRANSLATED("translated", Data.CHAIN, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT),
    /** Frontends that refuse connections. */
    REJECTED("rejected", Data.NONE, 0, Field.ADDRESS, Field.PROTOCOL, Field.PORT),
    /** From where connections to a frontend are accepted. */
    SOURCES(
            "sources",
            Data.NONE,
            ServiceSet.NFT_SET_INTERVAL | ServiceSet.NFT_SET_CONCAT,
            Field.ADDRESS,
            Field.PROTOCOL,
            Field.PORT,
            Field.ADDRESS),
    /** The addresses of services within the cluster. */
    ADDRESSES("addresses", Data.NONE, 0, Field.ADDRESS),
    /** The blocks from which those are taken. */
    BLOCKS("blocks", Data.NONE, ServiceSet.NFT_SET_INTERVAL, Field.ADDRESS),
    /** This node's blocks of pods' addresses. */
    PODS("pods", Data.NONE, ServiceSet.NFT_SET_INTERVAL, Field.ADDRESS),
    /** Backends on this node, as source and destination of what they send to themselves. */
    HAIRPIN("hairpin", Data.NONE, 0, Field.ADDRESS, Field.ADDRESS);

    /** {@code enum nft_set_flags}, {@code linux/netfilter/nf_tables.h}. */
    private static final int NFT_SET_INTERVAL = 1 << 2;

    private static final int NFT_SET_MAP = 1 << 3;
    private static final int NFT_SET_TIMEOUT = 1 << 4;
    private static final int NFT_SET_EVAL = 1 << 5;
    private static final int NFT_SET_CONCAT = 1 << 7;

    private static final int NFTA_SET_TABLE = 1;
    private static final int NFTA_SET_NAME = 2;
    private static final int NFTA_SET_FLAGS = 3;
    private static final int NFTA_SET_KEY_TYPE = 4;
    private static final int NFTA_SET_KEY_LEN = 5;
    private static final int NFTA_SET_DATA_TYPE = 6;
    private static final int NFTA_SET_DATA_LEN = 7;
    private static final int NFTA_SET_DESC = 9;
    private static final int NFTA_SET_ID = 10;
    private static final int NFTA_SET_DESC_SIZE = 1;
    private static final int NFTA_SET_DESC_CONCAT = 2;
    private static final int NFTA_LIST_ELEM = 1;
    private static final int NFTA_SET_FIELD_LEN = 1;
    private static final int NFT_DATA_VERDICT = 0xffffff00;

    /** How many clients a backend can have at the same time; one takes about 100 bytes. */
    private static final int CLIENTS = 1 << 18;

    /** A part of a key or value, with its type as nft(8) numbers it ({@code enum datatypes}) to list it. */
    private enum Field {
        ADDRESS,
        PROTOCOL,
        PORT,
        INDEX;

        /** TYPE_IPADDR, TYPE_IP6ADDR, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE, TYPE_MARK. */
        int type(IpFamily family) {
            return switch (this) {
                case ADDRESS ->
                    switch (family) {
                        case IPV4 -> 7;
                        case IPV6 -> 8;
                    };
                case PROTOCOL -> 12;
                case PORT -> 13;
                // Not TYPE_INTEGER, which has no size of its own.
                case INDEX -> 19;
            };
        }

        int length(IpFamily family) {
            return switch (this) {
                case ADDRESS -> family.byteLength();
                case PROTOCOL -> 1;
                case PORT -> 2;
                case INDEX -> 4;
            };
        }
    }

    private enum Data {
        NONE,
        CHAIN,
        SOCKET
    }

    private static final List<Field> SOCKET = List.of(Field.ADDRESS, Field.PORT);

    private final String role;
    private final Data data;
    private final int flags;
    private final List<Field> key;

    ServiceSet(String role, Data data, int flags, Field... key) {
        this.role = role;
        this.data = data;
        this.flags = flags | (data == Data.NONE ? 0 : NFT_SET_MAP);
        this.key = List.of(key);
    }

    /** Its name in the table. */
    String name(IpFamily family) {
        return Element.setName(Owner.SERVICES.prefix() + role, family);
    }

    /** Whether its values are chains. */
    boolean dispatches() {
        return data == Data.CHAIN;
    }

    /**
     * Writes the message that makes it.
     *
     * @param id another one for each set that the transaction makes, from 1
     */
    void create(NftablesBatch batch, IpFamily family, int id) {
        batch.begin(NftablesBatch.NFT_MSG_NEWSET, false, true)
                .text(NFTA_SET_TABLE, NftablesTable.NAME)
                .text(NFTA_SET_NAME, name(family))
                .number(NFTA_SET_FLAGS, flags)
                .number(NFTA_SET_KEY_TYPE, type(key, family))
                .number(NFTA_SET_KEY_LEN, length(key, family));
        switch (data) {
            case NONE -> {}
            case CHAIN -> batch.number(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT).number(NFTA_SET_DATA_LEN, 0);
            case SOCKET ->
                batch.number(NFTA_SET_DATA_TYPE, type(SOCKET, family))
                        .number(NFTA_SET_DATA_LEN, length(SOCKET, family));
        }
        if ((flags & NFT_SET_CONCAT) != 0) {
            int description = batch.nested(NFTA_SET_DESC);
            int fields = batch.nested(NFTA_SET_DESC_CONCAT);
            for (Field field : key) {
                int element = batch.nested(NFTA_LIST_ELEM);
                batch.number(NFTA_SET_FIELD_LEN, field.length(family)).endNested(element);
            }
            batch.endNested(fields).endNested(description);
        }
        batch.number(NFTA_SET_ID, id).end();
    }

    /**
     * Writes the message that makes a set of clients, to which the kernel itself adds.
     *
     * @param id as above
     */
    static void createClients(NftablesBatch batch, String name, IpFamily family, int id) {
        List<Field> key = List.of(Field.ADDRESS);
        batch.begin(NftablesBatch.NFT_MSG_NEWSET, false, true)
                .text(NFTA_SET_TABLE, NftablesTable.NAME)
                .text(NFTA_SET_NAME, name)
                .number(NFTA_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL)
                .number(NFTA_SET_KEY_TYPE, type(key, family))
                .number(NFTA_SET_KEY_LEN, length(key, family));
        int description = batch.nested(NFTA_SET_DESC);
        batch.number(NFTA_SET_DESC_SIZE, CLIENTS)
                .endNested(description)
                .number(NFTA_SET_ID, id)
                .end();
    }

    /** Writes the message that deletes a set or map of this name. */
    static void delete(NftablesBatch batch, String name) {
        batch.begin(NftablesBatch.NFT_MSG_DELSET, false, false)
                .text(NFTA_SET_TABLE, NftablesTable.NAME)
                .text(NFTA_SET_NAME, name)
                .end();
    }

    /** Six bits a part (TYPE_BITS). */
    private static int type(List<Field> fields, IpFamily family) {
        return fields.stream().mapToInt(field -> field.type(family)).reduce(0, (type, field) -> type << 6 | field);
    }

    private static int length(List<Field> fields, IpFamily family) {
        return fields.stream().mapToInt(field -> field.length(family) + 3 & ~3).sum();
    }
}
