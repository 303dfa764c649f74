package dev.ikat.ebpf.program;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.Protocol;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.TierProgram;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Programs of one direction, each kept once however many endpoints have it, and their rows: for any protocol, for each
 * protocol, and for spans of ports between which the same rules apply.
 */
final class Programs {
    /** The program that lets everything pass has no rows. */
    static final int OPEN = 0;

    private static final int TIERS = 3;
    private static final int LIST_BYTES = 12;
    private static final int PORTS = 1 << 16;

    private static final class Compiled {
        final int id;
        final List<MapKey> rows = new ArrayList<>();
        final List<RuleList> lists = new ArrayList<>();
        int uses;

        Compiled(int id) {
            this.id = id;
        }
    }

    private final PeerClasses classes;
    private final Blocks blocks;
    private final Function<SetId, AddressSet.Form> forms;
    private final Map<DirectionProgram, Compiled> compiled = new HashMap<>();
    private final Map<RuleList.Content, RuleList> lists = new HashMap<>();
    private int lastProgram = OPEN;
    private int lastList;

    Programs(PeerClasses classes, Blocks blocks, Function<SetId, AddressSet.Form> forms) {
        this.classes = classes;
        this.blocks = blocks;
        this.forms = forms;
    }

    /** The number of a program, which is used once more. */
    int use(Transaction transaction, DirectionProgram program) {
        if (program.isOpen()) {
            return OPEN;
        }
        Compiled found = compiled.computeIfAbsent(program, p -> compile(transaction, p));
        found.uses++;
        return found.id;
    }

    /** The program is used once less. */
    void release(Transaction transaction, DirectionProgram program) {
        Compiled found = compiled.get(program);
        if (found == null || --found.uses > 0) {
            return;
        }
        compiled.remove(program);
        found.rows.forEach(row -> transaction.garbage(Table.PORTS, row));
        for (RuleList list : found.lists) {
            if (list.release()) {
                lists.remove(list.content());
                classes.remove(transaction, list);
                list.first().keySet().forEach(this::release);
            }
        }
    }

    private void release(PeerMatch peer) {
        if (peer instanceof PeerMatch.InBlock(IpBlock block)) {
            blocks.remove(block);
        }
    }

    private Compiled compile(Transaction transaction, DirectionProgram program) {
        Compiled made = new Compiled(++lastProgram);
        List<CompiledRule> rules = new ArrayList<>();
        program.tiers().forEach(tier -> rules.addAll(tier.rules()));
        BitSet anyProtocol = new BitSet(rules.size());
        for (int i = 0; i < rules.size(); i++) {
            anyProtocol.set(i, rules.get(i).ports().isEmpty());
        }
        row(transaction, made, program, anyProtocol, Layout.ports(made.id, 0, 0, 0));
        for (Protocol protocol : Protocol.values()) {
            spans(transaction, made, program, rules, anyProtocol, protocol);
        }
        return made;
    }

    private void spans(
            Transaction transaction,
            Compiled made,
            DirectionProgram program,
            List<CompiledRule> rules,
            BitSet anyProtocol,
            Protocol protocol) {
        BitSet whole = (BitSet) anyProtocol.clone();
        // Which rules begin and end to apply at a port.
        TreeMap<Integer, List<Integer>> borders = new TreeMap<>();
        Map<Integer, List<PortSpan>> partly = new HashMap<>();
        for (int i = 0; i < rules.size(); i++) {
            for (PortSpan span : rules.get(i).ports()) {
                if (span.protocol() == protocol && span.isAll()) {
                    whole.set(i);
                } else if (span.protocol() == protocol) {
                    partly.computeIfAbsent(i, _ -> new ArrayList<>()).add(span);
                    borders.computeIfAbsent(span.first(), _ -> new ArrayList<>())
                            .add(i);
                    borders.computeIfAbsent(span.last() + 1, _ -> new ArrayList<>())
                            .add(i);
                }
            }
        }
        if (!whole.equals(anyProtocol)) {
            row(transaction, made, program, whole, Layout.ports(made.id, protocol.number(), 0, 0));
        }
        BitSet applying = (BitSet) whole.clone();
        while (!borders.isEmpty()) {
            Map.Entry<Integer, List<Integer>> border = borders.pollFirstEntry();
            int from = border.getKey();
            for (int rule : border.getValue()) {
                applying.set(
                        rule,
                        whole.get(rule)
                                || partly.getOrDefault(rule, List.of()).stream()
                                        .anyMatch(span -> span.first() <= from && from <= span.last()));
            }
            if (!applying.equals(whole)) {
                int end = borders.isEmpty() ? PORTS : borders.firstKey();
                span(transaction, made, program, applying, protocol, from, end);
            }
        }
    }

    /** The rows of a span of ports: the fewest prefixes that make it up. */
    private void span(
            Transaction transaction,
            Compiled made,
            DirectionProgram program,
            BitSet applying,
            Protocol protocol,
            int from,
            int end) {
        int port = from;
        while (port < end) {
            int free = port == 0 ? Short.SIZE : Math.min(Short.SIZE, Integer.numberOfTrailingZeros(port));
            while (port + (1 << free) > end) {
                free--;
            }
            row(
                    transaction,
                    made,
                    program,
                    applying,
                    Layout.ports(made.id, protocol.number(), port, Short.SIZE - free));
            port += 1 << free;
        }
    }

    /** One row, {@code struct lists}: of each tier the rules that apply. */
    private void row(Transaction transaction, Compiled made, DirectionProgram program, BitSet applying, MapKey key) {
        List<RuleList> tiers = new ArrayList<>();
        int offset = 0;
        for (TierProgram tier : program.tiers()) {
            List<RuleList.Rule> rules = new ArrayList<>();
            for (int i = 0; i < tier.rules().size(); i++) {
                if (applying.get(offset + i)) {
                    CompiledRule rule = tier.rules().get(i);
                    rules.add(new RuleList.Rule(rule.action(), rule.peers()));
                }
            }
            offset += tier.rules().size();
            RuleList.Content content = new RuleList.Content(rules, tier.otherwise());
            if (!RuleList.isIdle(content)) {
                tiers.add(list(transaction, content));
            }
        }
        ByteBuffer value = Layout.of(Integer.BYTES + TIERS * LIST_BYTES).putInt(tiers.size());
        tiers.forEach(list -> list.put(value));
        value.position(value.capacity());
        transaction.fact(Table.PORTS, key, value.flip());
        made.rows.add(key);
        made.lists.addAll(tiers);
    }

    private RuleList list(Transaction transaction, RuleList.Content content) {
        RuleList list = lists.get(content);
        if (list == null) {
            list = new RuleList(++lastList, content, forms);
            lists.put(content, list);
            classes.add(transaction, list);
            for (PeerMatch peer : list.first().keySet()) {
                if (peer instanceof PeerMatch.InBlock(IpBlock block)) {
                    blocks.add(block);
                }
            }
        }
        list.use();
        return list;
    }
}
