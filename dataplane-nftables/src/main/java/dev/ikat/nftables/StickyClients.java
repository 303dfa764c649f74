package dev.ikat.nftables;

import static dev.ikat.nftables.ElementBatch.NFTA_DATA_VALUE;
import static dev.ikat.nftables.ElementBatch.NFTA_LIST_ELEM;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_KEY;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_LIST_ELEMENTS;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_LIST_SET;
import static dev.ikat.nftables.ElementBatch.NFTA_SET_ELEM_LIST_TABLE;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.TableContent.TimedEntry;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is in the sets of backends' clients, which the kernel fills by itself. */
final class StickyClients {
    private static final int NFTA_SET_ELEM_TIMEOUT = 4;
    private static final int NFTA_SET_ELEM_EXPIRATION = 5;

    /** An attribute's length has 16 bits, and an element takes less than 80 bytes. */
    private static final int MOST_AT_ONCE = 800;

    private StickyClients() {}

    /**
     * Writes messages that add clients to the sets of those of these targets that have their backends. Where
     * connections from inside and from outside are treated otherwise, a client is in the sets of both: only one of them
     * is ever looked into for it.
     *
     * @return whether there were any
     */
    static boolean add(NftablesBatch batch, Collection<StickyTarget> targets, Collection<StickyClient> clients) {
        Map<Frontend, List<StickyClient>> byFrontend = new HashMap<>();
        clients.forEach(client -> byFrontend
                .computeIfAbsent(client.frontend(), _ -> new ArrayList<>())
                .add(client));
        boolean any = false;
        for (StickyTarget target : targets) {
            Map<String, List<StickyClient>> bySet = new LinkedHashMap<>();
            for (StickyClient client : byFrontend.getOrDefault(target.frontend(), List.of())) {
                if (target.backends().contains(client.backend())) {
                    bySet.computeIfAbsent(target.clients(client.backend()), _ -> new ArrayList<>())
                            .add(client);
                }
            }
            any |= !bySet.isEmpty();
            bySet.forEach((set, members) -> {
                for (int from = 0; from < members.size(); from += MOST_AT_ONCE) {
                    batch.begin(NftablesBatch.NFT_MSG_NEWSETELEM, false, true)
                            .text(NFTA_SET_ELEM_LIST_TABLE, NftablesTable.NAME)
                            .text(NFTA_SET_ELEM_LIST_SET, set);
                    int list = batch.nested(NFTA_SET_ELEM_LIST_ELEMENTS);
                    members.subList(from, Math.min(from + MOST_AT_ONCE, members.size()))
                            .forEach(client -> write(batch, client, target.time()));
                    batch.endNested(list).end();
                }
            });
        }
        return any;
    }

    private static void write(NftablesBatch batch, StickyClient client, Duration time) {
        int start = batch.nested(NFTA_LIST_ELEM);
        int key = batch.nested(NFTA_SET_ELEM_KEY);
        batch.data(NFTA_DATA_VALUE, client.address().toBytes())
                .endNested(key)
                .longNumber(NFTA_SET_ELEM_TIMEOUT, time.toMillis())
                // The service's time may be a shorter one by now.
                .longNumber(NFTA_SET_ELEM_EXPIRATION, Math.clamp(client.left().toMillis(), 1, time.toMillis()))
                .endNested(start);
    }

    /** The clients of the program's backends that there are, whichever process made their sets. */
    static List<StickyClient> read(NftablesTable table, ServiceProgram program) {
        if (!table.isPresent()) {
            return List.of();
        }
        Set<String> present = Set.copyOf(table.<List<String>>read(socket -> socket.sets(NftablesTable.NAME)));
        List<StickyClient> clients = new ArrayList<>();
        for (FrontendProgram frontend : program.frontends().values()) {
            frontend.affinity().ifPresent(time -> {
                read(table, frontend.frontend(), false, frontend.inside(), time, present, clients);
                read(table, frontend.frontend(), true, frontend.outside(), time, present, clients);
            });
        }
        return clients;
    }

    private static void read(
            NftablesTable table,
            Frontend frontend,
            boolean outside,
            Target target,
            Duration time,
            Set<String> present,
            List<StickyClient> clients) {
        if (!(target instanceof Target.Balance(List<Backend> backends))) {
            return;
        }
        StickyTarget sticky = new StickyTarget(frontend, outside, backends, time);
        for (Backend backend : backends) {
            String set = sticky.clients(backend);
            if (present.contains(set)) {
                for (TimedEntry entry : table.read(socket -> socket.timedElements(NftablesTable.NAME, set))) {
                    if (entry.left().isPositive()) {
                        IpAddress address = IpAddress.of(HexFormat.of().parseHex(entry.key()));
                        clients.add(new StickyClient(address, frontend, backend, entry.left()));
                    }
                }
            }
        }
    }
}
