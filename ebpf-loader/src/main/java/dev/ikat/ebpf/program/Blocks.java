package dev.ikat.ebpf.program;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.PeerMatch;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * The blocks of addresses that rules refer to, cut where one begins or has a hole: every address of such a piece is in
 * the same blocks. The kernel finds the smallest piece around an address.
 */
final class Blocks {
    private final PeerClasses classes;
    private final Map<IpBlock, Integer> uses = new HashMap<>();
    private final Map<Cidr, Integer> pieces = new HashMap<>();
    private final Set<Cidr> stale = new HashSet<>();

    /** The pieces as of the last transaction. */
    private final Set<Cidr> inForce = new HashSet<>();

    Blocks(PeerClasses classes) {
        this.classes = classes;
    }

    private static Table table(Cidr piece) {
        return piece.family() == IpFamily.IPV4 ? Table.BLOCKS4 : Table.BLOCKS6;
    }

    void add(IpBlock block) {
        if (uses.merge(block, 1, Integer::sum) == 1) {
            pieces.merge(block.cidr(), 1, Integer::sum);
            block.except().forEach(hole -> pieces.merge(hole, 1, Integer::sum));
            concern(block);
        }
    }

    void remove(IpBlock block) {
        if (uses.merge(block, -1, Integer::sum) == 0) {
            uses.remove(block);
            concern(block);
            pieces.merge(block.cidr(), -1, Integer::sum);
            block.except().forEach(hole -> pieces.merge(hole, -1, Integer::sum));
        }
    }

    private void concern(IpBlock block) {
        pieces.keySet().stream()
                .filter(piece ->
                        piece.family() == block.cidr().family() && block.cidr().contains(piece))
                .forEach(stale::add);
    }

    /** Brings the pieces up to date. */
    void settle(Transaction transaction) {
        if (!inForce.isEmpty()) {
            stale.stream()
                    .filter(piece -> !inForce.contains(piece))
                    .forEach(piece ->
                            // Until it is in force, a new one says what the piece around it says.
                            transaction.before(
                                    table(piece),
                                    Layout.block(piece),
                                    Layout.number(classAround(piece, inForce::contains))));
        }
        for (Cidr piece : stale) {
            MapKey key = Layout.block(piece);
            if (pieces.getOrDefault(piece, 0) > 0) {
                Set<PeerMatch> around = new HashSet<>();
                for (IpBlock block : uses.keySet()) {
                    if (holds(block, piece)) {
                        around.add(new PeerMatch.InBlock(block));
                    }
                }
                classes.set(transaction, table(piece), key, around);
                // Also a piece that is in nothing has to be there, for what is around it.
                transaction.root(table(piece), key, Layout.number(classes.id(table(piece), key)));
                inForce.add(piece);
            }
        }
        for (Cidr piece : stale) {
            if (pieces.getOrDefault(piece, 1) == 0) {
                pieces.remove(piece);
                inForce.remove(piece);
                MapKey key = Layout.block(piece);
                classes.set(transaction, table(piece), key, Set.of());
                // Until it is deleted, it says what the piece around it says.
                int outer = classAround(piece, wider -> pieces.getOrDefault(wider, 0) > 0);
                transaction.root(table(piece), key, Layout.number(outer));
                transaction.garbage(table(piece), key);
            }
        }
        stale.clear();
    }

    private static boolean holds(IpBlock block, Cidr piece) {
        return block.cidr().family() == piece.family()
                && block.cidr().contains(piece)
                && block.except().stream().noneMatch(hole -> hole.contains(piece));
    }

    /** The class, by now, of the smallest piece around one of those that count. */
    private int classAround(Cidr piece, Predicate<Cidr> counts) {
        return IntStream.rangeClosed(1, piece.prefixLength())
                .mapToObj(shorter -> Cidr.containing(piece.network(), piece.prefixLength() - shorter))
                .filter(counts)
                .findFirst()
                .map(wider -> classes.id(table(wider), Layout.block(wider)))
                .orElse(PeerClasses.NONE);
    }
}
