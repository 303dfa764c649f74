package dev.ikat.nftables;

import dev.ikat.netlink.netfilter.NftablesBatch;
import java.util.List;

/**
 * The transaction that takes elements out of sets and puts others in. libnftables reads every set of the kernel before
 * it changes one, which with 10,000 of them takes it 60 ms; these messages need nothing but what they say.
 */
final class ElementBatch {
    static final int NFTA_SET_ELEM_LIST_TABLE = 1;
    static final int NFTA_SET_ELEM_LIST_SET = 2;
    static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    static final int NFTA_LIST_ELEM = 1;
    static final int NFTA_SET_ELEM_KEY = 1;
    static final int NFTA_SET_ELEM_DATA = 2;
    static final int NFTA_DATA_VALUE = 1;
    static final int NFTA_DATA_VERDICT = 2;
    static final int NFTA_VERDICT_CODE = 1;
    static final int NFTA_VERDICT_CHAIN = 2;
    static final int NFT_GOTO = -4;
    private static final int NFT_RETURN = -5;

    /** An attribute's length has 16 bits, and an IPv6 element takes less than 100 bytes. */
    private static final int MOST_AT_ONCE = 400;

    private ElementBatch() {}

    static NftablesBatch build(String table, List<Element> removed, List<Element> added) {
        NftablesBatch batch = new NftablesBatch().batchBegin();
        messages(batch, table, NftablesBatch.NFT_MSG_DELSETELEM, false, removed);
        messages(batch, table, NftablesBatch.NFT_MSG_NEWSETELEM, true, added);
        return batch.batchEnd();
    }

    private static void messages(
            NftablesBatch batch, String table, int message, boolean create, List<Element> elements) {
        int from = 0;
        while (from < elements.size()) {
            String set = elements.get(from).set();
            int to = from + 1;
            while (to < elements.size()
                    && to - from < MOST_AT_ONCE
                    && elements.get(to).set().equals(set)) {
                to++;
            }
            batch.begin(message, true, create)
                    .text(NFTA_SET_ELEM_LIST_TABLE, table)
                    .text(NFTA_SET_ELEM_LIST_SET, set);
            int list = batch.nested(NFTA_SET_ELEM_LIST_ELEMENTS);
            elements.subList(from, to).forEach(element -> element(batch, element));
            batch.endNested(list).end();
            from = to;
        }
    }

    private static void element(NftablesBatch batch, Element element) {
        int start = batch.nested(NFTA_LIST_ELEM);
        int key = batch.nested(NFTA_SET_ELEM_KEY);
        batch.data(NFTA_DATA_VALUE, element.keyBytes()).endNested(key);
        element.verdict().ifPresent(does -> {
            int data = batch.nested(NFTA_SET_ELEM_DATA);
            int verdict = batch.nested(NFTA_DATA_VERDICT);
            batch.number(NFTA_VERDICT_CODE, does.chain().isPresent() ? NFT_GOTO : NFT_RETURN);
            does.chain().ifPresent(chain -> batch.text(NFTA_VERDICT_CHAIN, chain));
            batch.endNested(verdict).endNested(data);
        });
        batch.endNested(start);
    }
}
