package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.netfilter.RuleCondition.Range;
import dev.ikat.netlink.netfilter.SetElement.Member;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Turns the expressions of a rule into its conditions and what it does. */
final class RuleReader {
    /**
     * A rule as the kernel tells it.
     *
     * @param chain the chain that it is in
     */
    record Raw(String chain, List<RuleExpression> expressions) {
        Raw {
            expressions = List.copyOf(expressions);
        }
    }

    /** What a register holds. */
    private record Loaded(PacketField field, String mask) {}

    private final Raw raw;
    private final Function<String, Optional<List<Member>>> sets;
    private final Map<Integer, Loaded> registers = new HashMap<>();
    private final List<RuleCondition> conditions = new ArrayList<>();

    private RuleReader(Raw raw, Function<String, Optional<List<Member>>> sets) {
        this.raw = raw;
        this.sets = sets;
    }

    /**
     * The rule; one for each element where it has a map of verdicts.
     *
     * @param sets the members of a set by its name; empty if they are not read
     */
    static List<ChainRule> read(Raw raw, Function<String, Optional<List<Member>>> sets) {
        return new RuleReader(raw, sets).read();
    }

    private List<ChainRule> read() {
        for (RuleExpression expression : raw.expressions()) {
            switch (expression) {
                case RuleExpression.Load(int register, PacketField field) ->
                    registers.put(register, new Loaded(field, ""));
                case RuleExpression.Mask(int from, int to, String mask) -> mask(from, to, mask);
                case RuleExpression.Compare(int register, String value, boolean inverted) ->
                    condition(register, List.of(Range.of(value)), inverted);
                case RuleExpression.Between(int register, String first, String last, boolean inverted) ->
                    condition(register, List.of(new Range(first, last)), inverted);
                case RuleExpression.LookUp lookUp -> {
                    Optional<List<Member>> members = sets.apply(lookUp.set());
                    if (lookUp.verdicts()) {
                        return verdicts(lookUp, members);
                    }
                    members.ifPresentOrElse(
                            all -> condition(
                                    lookUp.register(),
                                    all.stream().map(Member::range).toList(),
                                    lookUp.inverted()),
                            () -> conditions.add(RuleCondition.UNREADABLE));
                }
                case RuleExpression.Decide(Effect effect, String target) -> {
                    return List.of(rule(effect, target));
                }
                case RuleExpression.Nothing _ -> {
                    // Whatever comes next decides.
                }
                case RuleExpression.Unreadable _ -> {
                    conditions.add(RuleCondition.UNREADABLE);
                    // It may load something.
                    registers.clear();
                }
            }
        }
        return List.of(rule(Effect.NONE, ""));
    }

    private void mask(int from, int to, String mask) {
        Loaded loaded = registers.get(from);
        if (loaded == null || !loaded.mask().isEmpty()) {
            registers.remove(to);
        } else {
            registers.put(to, new Loaded(loaded.field(), mask));
        }
    }

    private void condition(int register, List<Range> ranges, boolean inverted) {
        @Nullable Loaded loaded = registers.get(register);
        conditions.add(
                loaded == null
                        ? RuleCondition.UNREADABLE
                        : new RuleCondition(Optional.of(loaded.field()), loaded.mask(), ranges, inverted));
    }

    private ChainRule rule(Effect effect, String target) {
        return new ChainRule(raw.chain(), conditions, effect, target);
    }

    /** No two elements of a map are about the same value, so their order does not matter. */
    private List<ChainRule> verdicts(RuleExpression.LookUp lookUp, Optional<List<Member>> members) {
        if (members.isEmpty()) {
            conditions.add(RuleCondition.UNREADABLE);
            return List.of(rule(Effect.UNKNOWN, ""));
        }
        List<ChainRule> rules = new ArrayList<>();
        for (Member member : members.get()) {
            condition(lookUp.register(), List.of(member.range()), false);
            rules.add(member.verdict()
                    .map(verdict -> rule(verdict.effect(), verdict.target()))
                    .orElseGet(() -> rule(Effect.UNKNOWN, "")));
            conditions.removeLast();
        }
        return rules;
    }
}
