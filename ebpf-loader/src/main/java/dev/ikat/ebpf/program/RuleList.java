package dev.ikat.ebpf.program;

import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.SetId;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * One tier's rules for a port, of which the first whose peers match decides. Rules are numbers as the kernel compares
 * them: the place, and the action in the last two bits.
 */
final class RuleList {
    /** {@code struct list} in maps.h. */
    private static final int NO_RULE = 0xffffffff;

    private static final int MEMBERS = 1;
    private static final int NAMED = 2;
    private static final int BLOCKS = 4;
    private static final int ACTION_BITS = 2;

    /**
     * What tells it from others.
     *
     * @param rules in order
     * @param otherwise what is done with what none matches
     */
    record Content(List<Rule> rules, Action otherwise) {
        Content {
            rules = List.copyOf(rules);
        }
    }

    /**
     * A rule without its ports.
     *
     * @param peers none means any
     */
    record Rule(Action action, List<PeerMatch> peers) {
        Rule {
            peers = List.copyOf(peers);
        }
    }

    private final int id;
    private final Content content;
    private final Map<PeerMatch, Integer> first = new HashMap<>();
    private final int any;
    private final int flags;
    private int uses;

    RuleList(int id, Content content, Function<SetId, AddressSet.Form> forms) {
        this.id = id;
        this.content = content;
        int anyone = NO_RULE;
        int kinds = 0;
        for (int place = 0; place < content.rules().size() && anyone == NO_RULE; place++) {
            Rule rule = content.rules().get(place);
            int number = (place << ACTION_BITS) | number(rule.action());
            if (rule.peers().isEmpty()) {
                anyone = number;
            }
            for (PeerMatch peer : rule.peers()) {
                first.putIfAbsent(peer, number);
                kinds |= switch (peer) {
                    case PeerMatch.InBlock _ -> BLOCKS;
                    case PeerMatch.InSet(SetId set) ->
                        switch (forms.apply(set)) {
                            case ADDRESSES -> MEMBERS;
                            case PORTS -> NAMED;
                        };
                };
            }
        }
        this.any = anyone;
        this.flags = kinds;
    }

    private static int number(Action action) {
        return switch (action) {
            case ACCEPT -> 0;
            case DENY -> 1;
            case PASS -> 2;
        };
    }

    int id() {
        return id;
    }

    Content content() {
        return content;
    }

    /** The first rule for each peer that it has rules for. */
    Map<PeerMatch, Integer> first() {
        return first;
    }

    /** Whether it decides nothing about anybody. */
    static boolean isIdle(Content content) {
        return content.rules().isEmpty() && content.otherwise() == Action.PASS;
    }

    /** {@code struct list}. */
    void put(ByteBuffer value) {
        value.putInt(id)
                .putInt(any)
                .putShort((short) number(content.otherwise()))
                .putShort((short) flags);
    }

    void use() {
        uses++;
    }

    /** Whether that was the last use. */
    boolean release() {
        return --uses == 0;
    }
}
