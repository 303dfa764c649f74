package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** What a table of nf_tables consists of, as far as it tells whether somebody changed it. */
public final class TableContent {
    static final int NFT_MSG_GETSET = 10;

    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_HANDLE = 3;
    static final int NFTA_SET_TABLE = 1;
    private static final int NFTA_SET_NAME = 2;
    private static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    private static final int NFTA_SET_ELEM_KEY = 1;
    private static final int NFTA_SET_ELEM_DATA = 2;
    private static final int NFTA_SET_ELEM_FLAGS = 3;
    private static final int NFTA_SET_ELEM_EXPIRATION = 5;
    private static final int NFTA_SET_ELEM_KEY_END = 10;

    private TableContent() {}

    /**
     * A rule.
     *
     * @param handle which the kernel gives it anew when it is altered
     */
    public record Rule(String chain, String handle) {}

    /**
     * An element of a set or map.
     *
     * @param key its key, or the first of its keys, in hexadecimal digits
     * @param end the last of its keys, in hexadecimal digits; empty if it has one
     * @param flags NFT_SET_ELEM_*
     * @param data a map's value, in hexadecimal digits, or the chain where it goes; otherwise empty
     */
    public record SetEntry(String key, String end, int flags, String data) {}

    /**
     * An element that ends by itself.
     *
     * @param key its key, in hexadecimal digits
     * @param left how much time it has left; none where it ends now, or never
     */
    public record TimedEntry(String key, Duration left) {}

    static Optional<String> chain(MessageReader message, String table) {
        return name(message, table, RulesetMessage.NFTA_CHAIN_TABLE, RulesetMessage.NFTA_CHAIN_NAME);
    }

    static Optional<Rule> rule(MessageReader message, String table) {
        String of = "";
        String chain = "";
        String handle = "";
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case RulesetMessage.NFTA_RULE_TABLE -> of = attributes.string();
                case NFTA_RULE_CHAIN -> chain = attributes.string();
                case NFTA_RULE_HANDLE -> handle = ExpressionMessage.hex(attributes.bytes());
                default -> {}
            }
        }
        return of.equals(table) ? Optional.of(new Rule(chain, handle)) : Optional.empty();
    }

    static Optional<String> set(MessageReader message, String table) {
        return name(message, table, NFTA_SET_TABLE, NFTA_SET_NAME);
    }

    /** The name of an object, if it is one of this table. */
    private static Optional<String> name(MessageReader message, String table, int tableAttribute, int nameAttribute) {
        String of = "";
        String name = "";
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            if (attributes.type() == tableAttribute) {
                of = attributes.string();
            } else if (attributes.type() == nameAttribute) {
                name = attributes.string();
            }
        }
        return of.equals(table) ? Optional.of(name) : Optional.empty();
    }

    static Optional<List<SetEntry>> entries(MessageReader message) {
        return entries(message, TableContent::entry);
    }

    static Optional<List<TimedEntry>> timedEntries(MessageReader message) {
        return entries(message, TableContent::timedEntry);
    }

    private static <T> Optional<List<T>> entries(MessageReader message, Function<AttributeReader, T> parser) {
        List<T> entries = new ArrayList<>();
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            if (attributes.type() == NFTA_SET_ELEM_LIST_ELEMENTS) {
                AttributeReader list = attributes.nested();
                while (list.next()) {
                    entries.add(parser.apply(list.nested()));
                }
            }
        }
        return Optional.of(entries);
    }

    private static SetEntry entry(AttributeReader attributes) {
        String key = "";
        String end = "";
        int flags = 0;
        String data = "";
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_SET_ELEM_KEY -> key = ExpressionMessage.value(attributes.nested());
                case NFTA_SET_ELEM_KEY_END -> end = ExpressionMessage.value(attributes.nested());
                case NFTA_SET_ELEM_FLAGS -> flags = attributes.u32be();
                case NFTA_SET_ELEM_DATA -> data = data(attributes.nested());
                default -> {}
            }
        }
        return new SetEntry(key, end, flags, data);
    }

    private static TimedEntry timedEntry(AttributeReader attributes) {
        String key = "";
        Duration left = Duration.ZERO;
        while (attributes.next()) {
            switch (attributes.type()) {
                case NFTA_SET_ELEM_KEY -> key = ExpressionMessage.value(attributes.nested());
                case NFTA_SET_ELEM_EXPIRATION -> left = Duration.ofMillis(attributes.u64be());
                default -> {}
            }
        }
        return new TimedEntry(key, left);
    }

    private static String data(AttributeReader data) {
        while (data.next()) {
            switch (data.type()) {
                case ExpressionMessage.NFTA_DATA_VALUE -> {
                    return ExpressionMessage.hex(data.bytes());
                }
                case ExpressionMessage.NFTA_DATA_VERDICT -> {
                    RuleExpression.Decide verdict = ExpressionMessage.verdict(data.nested());
                    return verdict.target().isEmpty() ? verdict.effect().name() : verdict.target();
                }
                default -> {}
            }
        }
        return "";
    }
}
