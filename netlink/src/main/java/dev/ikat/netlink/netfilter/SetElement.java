package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.netfilter.RuleCondition.Range;
import dev.ikat.netlink.netfilter.RuleExpression.Decide;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * An element of a set of nf_tables, as the kernel tells it: a set of ranges has an element where one begins, and one
 * where it has ended.
 *
 * @param key its value in hexadecimal digits; empty if it is not read, as one that matches everything else
 * @param end whether a range has ended
 * @param verdict what a map says about it
 */
record SetElement(String key, boolean end, Optional<Decide> verdict) {
    private static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    private static final int NFTA_SET_ELEM_KEY = 1;
    private static final int NFTA_SET_ELEM_DATA = 2;
    private static final int NFTA_SET_ELEM_FLAGS = 3;
    private static final int NFTA_SET_ELEM_KEY_END = 10;
    private static final int NFT_SET_ELEM_INTERVAL_END = 1;

    /** A range of a set, and what a map says about it. */
    record Member(Range range, Optional<Decide> verdict) {}

    /** Those in a message. */
    static Optional<List<SetElement>> read(MessageReader message) {
        List<SetElement> elements = new ArrayList<>();
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            if (attributes.type() == NFTA_SET_ELEM_LIST_ELEMENTS) {
                AttributeReader list = attributes.nested();
                while (list.next()) {
                    if (list.type() == ExpressionMessage.NFTA_LIST_ELEM) {
                        elements.add(element(list.nested()));
                    }
                }
            }
        }
        return Optional.of(elements);
    }

    private static SetElement element(AttributeReader attributes) {
        String key = "";
        boolean concatenated = false;
        boolean end = false;
        Optional<Decide> verdict = Optional.empty();
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_SET_ELEM_KEY -> key = ExpressionMessage.value(attributes.nested());
                case NFTA_SET_ELEM_KEY_END -> concatenated = true;
                case NFTA_SET_ELEM_FLAGS -> end = (attributes.u32be() & NFT_SET_ELEM_INTERVAL_END) != 0;
                case NFTA_SET_ELEM_DATA -> {
                    AttributeReader data = attributes.nested();
                    while (data.next()) {
                        if (data.type() == ExpressionMessage.NFTA_DATA_VERDICT) {
                            verdict = Optional.of(ExpressionMessage.verdict(data.nested()));
                        }
                    }
                }
                default -> {}
            }
        }
        return new SetElement(concatenated ? "" : key, end, verdict);
    }

    /** The ranges that elements are about; empty if some are not read. */
    static Optional<List<Member>> members(List<SetElement> elements) {
        if (elements.stream().anyMatch(element -> element.key().isEmpty())) {
            return Optional.empty();
        }
        if (elements.stream().noneMatch(SetElement::end)) {
            return Optional.of(elements.stream()
                    .map(element -> new Member(Range.of(element.key()), element.verdict()))
                    .toList());
        }
        List<SetElement> ordered = new ArrayList<>(elements);
        ordered.sort(Comparator.comparing(SetElement::key).thenComparing(element -> !element.end()));
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < ordered.size(); i++) {
            SetElement element = ordered.get(i);
            if (!element.end()) {
                // Of a range that goes on to the largest value the kernel tells no end.
                String last = i + 1 < ordered.size()
                        ? before(ordered.get(i + 1).key())
                        : "f".repeat(element.key().length());
                members.add(new Member(new Range(element.key(), last), element.verdict()));
            }
        }
        return Optional.of(members);
    }

    private static String before(String key) {
        String digits = new BigInteger(key, 16).subtract(BigInteger.ONE).toString(16);
        return "0".repeat(key.length() - digits.length()) + digits;
    }
}
