package dev.ikat.ebpf.program;

import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.policy.program.PeerMatch;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Peers that all rules treat alike: an address belongs to the class of the sets and blocks that contain it. What a rule
 * list says about a class is one row, however many addresses are in it.
 */
final class PeerClasses {
    /** The class of what is in nothing. */
    static final int NONE = 0;

    /** A class; its identity is its content. */
    static final class PeerClass {
        private final int id;
        private final ByteBuffer row;
        private final Set<PeerMatch> content;
        private int uses;

        PeerClass(int id, Set<PeerMatch> content) {
            this.id = id;
            this.row = Layout.number(id);
            this.content = content;
        }
    }

    private final Map<Set<PeerMatch>, PeerClass> byContent = new HashMap<>();
    private final Map<PeerMatch, Set<PeerClass>> classes = new HashMap<>();
    private final Map<PeerMatch, Set<RuleList>> lists = new HashMap<>();
    private final Map<Table, Map<MapKey, PeerClass>> members = new HashMap<>();
    private final Set<PeerClass> unused = new LinkedHashSet<>();
    private int lastId = NONE;

    /** What an address, or a block, is in. */
    Set<PeerMatch> of(Table table, MapKey key) {
        PeerClass found = members.getOrDefault(table, Map.of()).get(key);
        return found == null ? Set.of() : found.content;
    }

    int id(Table table, MapKey key) {
        PeerClass found = members.getOrDefault(table, Map.of()).get(key);
        return found == null ? NONE : found.id;
    }

    /** From now on the address or block is in these. */
    void set(Transaction transaction, Table table, MapKey key, Set<PeerMatch> content) {
        Map<MapKey, PeerClass> keys = members.computeIfAbsent(table, _ -> new HashMap<>());
        PeerClass now = content.isEmpty() ? null : intern(transaction, content);
        PeerClass before = now == null ? keys.remove(key) : keys.put(key, now);
        if (now == before) {
            return;
        }
        if (now != null) {
            now.uses++;
            unused.remove(now);
        }
        if (before != null && --before.uses == 0) {
            unused.add(before);
        }
        transaction.root(table, key, now == null ? Layout.number(NONE) : now.row);
    }

    private PeerClass intern(Transaction transaction, Set<PeerMatch> content) {
        PeerClass known = byContent.get(content);
        if (known != null) {
            return known;
        }
        PeerClass made = new PeerClass(++lastId, Set.copyOf(content));
        byContent.put(made.content, made);
        unused.add(made);
        Map<RuleList, Integer> rules = new HashMap<>();
        for (PeerMatch peer : made.content) {
            classes.computeIfAbsent(peer, _ -> new HashSet<>()).add(made);
            for (RuleList list : lists.getOrDefault(peer, Set.of())) {
                rules.merge(list, list.first().getOrDefault(peer, Integer.MAX_VALUE), Math::min);
            }
        }
        rules.forEach(
                (list, rule) -> transaction.fact(Table.VERDICTS, Layout.pair(list.id(), made.id), Layout.number(rule)));
        return made;
    }

    /** What the list says about every class there is, and there will be. */
    void add(Transaction transaction, RuleList list) {
        Map<PeerClass, Integer> rules = new HashMap<>();
        list.first().forEach((peer, rule) -> {
            lists.computeIfAbsent(peer, _ -> new HashSet<>()).add(list);
            for (PeerClass concerned : classes.getOrDefault(peer, Set.of())) {
                rules.merge(concerned, rule, Math::min);
            }
        });
        rules.forEach((concerned, rule) ->
                transaction.fact(Table.VERDICTS, Layout.pair(list.id(), concerned.id), Layout.number(rule)));
    }

    /** Nothing asks the list any more. */
    void remove(Transaction transaction, RuleList list) {
        Set<PeerClass> concerned = new HashSet<>();
        for (PeerMatch peer : list.first().keySet()) {
            forget(lists, peer, list);
            concerned.addAll(classes.getOrDefault(peer, Set.of()));
        }
        concerned.forEach(each -> transaction.garbage(Table.VERDICTS, Layout.pair(list.id(), each.id)));
    }

    /** Forgets the classes that nothing is in. */
    void settle(Transaction transaction) {
        for (PeerClass gone : unused) {
            Set<RuleList> concerned = new HashSet<>();
            for (PeerMatch peer : gone.content) {
                forget(classes, peer, gone);
                concerned.addAll(lists.getOrDefault(peer, Set.of()));
            }
            byContent.remove(gone.content);
            concerned.forEach(list -> transaction.garbage(Table.VERDICTS, Layout.pair(list.id(), gone.id)));
        }
        unused.clear();
    }

    private static <T> void forget(Map<PeerMatch, Set<T>> index, PeerMatch peer, T gone) {
        index.computeIfPresent(peer, (_, others) -> {
            others.remove(gone);
            return others.isEmpty() ? null : others;
        });
    }
}
