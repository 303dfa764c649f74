package dev.ikat.nftables;

import static dev.ikat.nftables.ElementBatch.NFTA_DATA_VALUE;
import static dev.ikat.nftables.ElementBatch.NFTA_DATA_VERDICT;
import static dev.ikat.nftables.ElementBatch.NFTA_LIST_ELEM;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_DATA;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_KEY;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_LIST_ELEMENTS;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_LIST_SET;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_LIST_TABLE;
import static dev.ikat.nftables.ElementBatch.NFTA_VERDICT_CHAIN;
import static dev.ikat.nftables.ElementBatch.NFTA_VERDICT_CODE;
import static dev.ikat.nftables.ElementBatch.NFT_GOTO;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.RuleWriter;
import dev.ikat.netlink.netfilter.TableContent.SetEntry;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An element of a set or map of services.
 *
 * @param set the set or map
 * @param family of which family
 * @param entry what it has; its texts are the kernel's bytes in hexadecimal digits, or the chain where a map leads
 */
record ServiceElement(ServiceSet set, IpFamily family, SetEntry entry) {
    private static final HexFormat HEX = HexFormat.of();

    private static final int NFTA_SET_ELEM_FLAGS = 3;
    private static final int NFTA_SET_ELEM_KEY_END = 10;
    private static final int NFT_SET_ELEM_INTERVAL_END = 1;
    private static final int NFT_JUMP = -3;

    /** An attribute's length has 16 bits, and the longest element takes less than 150 bytes. */
    private static final int MOST_AT_ONCE = 400;

    /** A frontend in a set, or with the chain to which a map leads. */
    static ServiceElement frontend(ServiceSet set, Frontend frontend, String chain) {
        return of(set, frontend.address().family(), key(frontend), chain);
    }

    /** One of a frontend's backends. */
    static ServiceElement backend(Frontend frontend, int index, Backend backend) {
        return of(
                ServiceSet.BACKENDS,
                frontend.address().family(),
                key(frontend) + HEX.formatHex(RuleWriter.hostOrder(index)),
                socket(backend));
    }

    /** The chain of one of the backends of a frontend with affinity. */
    static ServiceElement choice(Frontend frontend, int index, String chain) {
        return of(
                ServiceSet.CHOICES,
                frontend.address().family(),
                key(frontend) + HEX.formatHex(RuleWriter.hostOrder(index)),
                chain);
    }

    /** An address in a set. */
    static ServiceElement address(ServiceSet set, IpAddress address) {
        return of(set, address.family(), hex(address), "");
    }

    /** What a backend sends to itself. */
    static ServiceElement hairpin(IpAddress address) {
        return of(ServiceSet.HAIRPIN, address.family(), hex(address) + hex(address), "");
    }

    /** From where connections to a frontend are accepted. */
    static ServiceElement source(Frontend frontend, Cidr cidr) {
        String key = key(frontend);
        return new ServiceElement(
                ServiceSet.SOURCES,
                cidr.family(),
                new SetEntry(key + hex(cidr.first()), key + hex(cidr.last()), 0, ""));
    }

    /** A block as the kernel has ranges: where it begins, and where it has ended. */
    static List<ServiceElement> block(ServiceSet set, Cidr cidr) {
        List<ServiceElement> elements = new ArrayList<>();
        elements.add(address(set, cidr.first()));
        if (!cidr.last().equals(Cidr.all(cidr.family()).last())) {
            String end = hex(cidr.last().next());
            elements.add(new ServiceElement(set, cidr.family(), new SetEntry(end, "", NFT_SET_ELEM_INTERVAL_END, "")));
        }
        return elements;
    }

    private static ServiceElement of(ServiceSet set, IpFamily family, String key, String data) {
        return new ServiceElement(set, family, new SetEntry(key, "", 0, data));
    }

    /** A frontend in the kernel's bytes. */
    static String key(Frontend frontend) {
        return hex(frontend.address())
                + HEX.toHexDigits((byte) frontend.protocol().number())
                + "000000"
                + port(frontend.port());
    }

    /** A backend in the kernel's bytes. */
    static String socket(Backend backend) {
        return hex(backend.address()) + port(backend.port());
    }

    private static String port(int port) {
        return HEX.toHexDigits((short) port) + "0000";
    }

    private static String hex(IpAddress address) {
        return HEX.formatHex(address.toBytes());
    }

    /** Writes the message that takes out all elements of a set. */
    static void flush(NftablesBatch batch, String set) {
        batch.begin(NftablesBatch.NFT_MSG_DELSETELEM, false, false)
                .text(NFTA_SET_ELEM_LIST_TABLE, NftablesTable.NAME)
                .text(NFTA_SET_ELEM_LIST_SET, set)
                .end();
    }

    /** Writes messages that take elements out. */
    static void remove(NftablesBatch batch, Collection<ServiceElement> elements) {
        write(batch, NftablesBatch.NFT_MSG_DELSETELEM, elements);
    }

    /** Writes messages that put elements in. */
    static void add(NftablesBatch batch, Collection<ServiceElement> elements) {
        write(batch, NftablesBatch.NFT_MSG_NEWSETELEM, elements);
    }

    private static void write(NftablesBatch batch, int message, Collection<ServiceElement> elements) {
        Map<String, List<ServiceElement>> bySet = new LinkedHashMap<>();
        elements.forEach(element -> bySet.computeIfAbsent(element.set.name(element.family), _ -> new ArrayList<>())
                .add(element));
        bySet.forEach((set, members) -> {
            for (int from = 0; from < members.size(); from += MOST_AT_ONCE) {
                batch.begin(message, false, message == NftablesBatch.NFT_MSG_NEWSETELEM)
                        .text(NFTA_SET_ELEM_LIST_TABLE, NftablesTable.NAME)
                        .text(NFTA_SET_ELEM_LIST_SET, set);
                int list = batch.nested(NFTA_SET_ELEM_LIST_ELEMENTS);
                members.subList(from, Math.min(from + MOST_AT_ONCE, members.size()))
                        .forEach(element -> element.write(batch, message));
                batch.endNested(list).end();
            }
        });
    }

    private void write(NftablesBatch batch, int message) {
        int start = batch.nested(NFTA_LIST_ELEM);
        if (entry.flags() != 0) {
            batch.number(NFTA_SET_ELEM_FLAGS, entry.flags());
        }
        value(batch, NFTA_SET_ELEM_KEY, entry.key());
        if (!entry.end().isEmpty()) {
            value(batch, NFTA_SET_ELEM_KEY_END, entry.end());
        }
        if (message == NftablesBatch.NFT_MSG_NEWSETELEM && !entry.data().isEmpty()) {
            if (set.dispatches()) {
                int data = batch.nested(NFTA_SET_ELEM_DATA);
                int verdict = batch.nested(NFTA_DATA_VERDICT);
                batch.number(NFTA_VERDICT_CODE, set == ServiceSet.TRANSLATED ? NFT_JUMP : NFT_GOTO)
                        .text(NFTA_VERDICT_CHAIN, entry.data())
                        .endNested(verdict)
                        .endNested(data);
            } else {
                value(batch, NFTA_SET_ELEM_DATA, entry.data());
            }
        }
        batch.endNested(start);
    }

    private static void value(NftablesBatch batch, int attribute, String digits) {
        int value = batch.nested(attribute);
        batch.data(NFTA_DATA_VALUE, HEX.parseHex(digits)).endNested(value);
    }

    @Override
    public String toString() {
        return "element " + entry.key()
                + (entry.end().isEmpty() ? "" : "-" + entry.end())
                + (entry.data().isEmpty() ? "" : " : " + entry.data())
                + " of " + set.name(family);
    }
}
