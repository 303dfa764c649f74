package dev.ikat.nftables;

import dev.ikat.policy.program.PortSpan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Port spans of one protocol as what an interval set takes: in order, none of which touches another. */
final class PortRanges {
    private PortRanges() {}

    static List<String> of(List<PortSpan> spans) {
        List<PortSpan> merged = new ArrayList<>();
        for (PortSpan span :
                spans.stream().sorted(Comparator.comparingInt(PortSpan::first)).toList()) {
            if (!merged.isEmpty() && span.first() <= merged.getLast().last() + 1) {
                PortSpan before = merged.getLast();
                merged.set(
                        merged.size() - 1,
                        new PortSpan(span.protocol(), before.first(), Math.max(before.last(), span.last())));
            } else {
                merged.add(span);
            }
        }
        return merged.stream()
                .map(span ->
                        span.first() == span.last() ? Integer.toString(span.first()) : span.first() + "-" + span.last())
                .toList();
    }
}
