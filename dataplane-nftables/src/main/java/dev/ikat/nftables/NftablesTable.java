package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.NftablesSocket;
import dev.ikat.netlink.netfilter.TableStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The table {@code inet ikat}, which policies, masquerade and the source guard share. From Linux 6.9 it belongs to this
 * process: no other process can change it, {@code nft flush ruleset} does not touch it, and when the process ends, the
 * table stays until the next one adopts it. On older kernels, or without ownership, every process can change it, and
 * the agent repairs such changes afterwards. Thread-safe.
 */
public final class NftablesTable implements AutoCloseable {
    /** The name of the only table that Ikat creates. */
    public static final String NAME = "ikat";

    /** What an audit says where {@link #readBack} returned nothing. */
    static final String UNCERTAIN =
            "others changed nftables just when the rules were put in force, so they may have changed these rules";

    private static final String FORMER = "ikat-masquerade";

    private final Nftables nftables;
    private final boolean ownership;

    private NftablesTable(Nftables nftables, boolean ownership) {
        this.nftables = nftables;
        this.ownership = ownership;
    }

    /**
     * Opens the table in the calling thread's network namespace; it is created when something is put into it.
     *
     * @param ownership whether to keep other processes from changing the table, if the kernel supports that
     * @throws NftablesUnavailableException if libnftables is missing
     */
    public static NftablesTable open(boolean ownership) {
        return new NftablesTable(Nftables.open(), ownership);
    }

    /** Whether the table exists and no other process can have changed it. */
    public boolean isProtected() {
        return nftables.table(NAME)
                .filter(table -> table.ownedBy(nftables.port()))
                .isPresent();
    }

    /** The netlink port by which this process changes nftables, as notifications name it; 0 if it is not known. */
    public int port() {
        return nftables.port();
    }

    /** Whether the table exists, whatever its content. */
    public boolean isPresent() {
        return nftables.table(NAME).isPresent();
    }

    /**
     * Makes the table, or adopts what an earlier process left, with what is in it.
     *
     * @throws NftablesException if it can't be made, or belongs to another living process
     */
    void ensure() {
        Optional<TableStatus> table = nftables.table(NAME);
        if (table.filter(found -> found.ownedBy(nftables.port())).isPresent()) {
            return;
        }
        if (table.filter(found -> (found.flags() & TableStatus.NFT_TABLE_F_OWNER) != 0)
                .isPresent()) {
            throw new NftablesException("the table inet " + NAME + " belongs to another process (netlink port "
                    + Integer.toUnsignedString(table.get().owner()) + table + nftables.port()
                    + "); end it, or remove the table with it");
        }
        boolean adopt = table.filter(TableStatus::orphaned).isPresent();
        if (ownership && nftables.hasSocket() && (table.isEmpty() || adopt) && own()) {
            return;
        }
        if (table.isEmpty()) {
            nftables.run("add table inet " + NAME);
        }
    }

    private boolean own() {
        int refused = nftables.transact(new NftablesBatch()
                        .batchBegin()
                        .begin(NftablesBatch.NFT_MSG_NEWTABLE, true, true)
                        .text(NftablesBatch.NFTA_TABLE_NAME, NAME)
                        .number(NftablesBatch.NFTA_TABLE_FLAGS, TableStatus.OWNED)
                        .end()
                        .batchEnd())
                .orElse(Errno.EOPNOTSUPP);
        if (refused != 0 && refused != Errno.EOPNOTSUPP && refused != Errno.EINVAL) {
            throw new NftablesException("the table inet " + NAME + " can't be created: " + refusal(refused));
        }
        return refused == 0;
    }

    /** Runs commands in nftables' language; see {@link Nftables#run}. */
    void run(String commands) {
        nftables.run(commands);
    }

    /**
     * Makes a change and reads how the kernel numbers or lists it, for a later audit to compare with.
     *
     * @param change one transaction
     * @param reading reads what the change has put in force
     * @return what was read; empty if others made a transaction meanwhile, since theirs may be in what was read
     */
    <T> Optional<T> readBack(Runnable change, Supplier<T> reading) {
        int before = nftables.generation();
        change.run();
        T read = reading.get();
        return nftables.generation() == before + 1 || isProtected() ? Optional.of(read) : Optional.empty();
    }

    /**
     * What chains have to consist of after a change that wrote some of them. The others are as they were before,
     * whatever was read: somebody else may have changed them.
     *
     * @param before what they had to consist of
     * @param read what {@link #readBack} returned
     * @param chain which chain a part is of
     * @param written the chains that the change wrote anew, or took away
     * @return empty where either is
     */
    static <T> Optional<Set<T>> afterChange(
            Optional<Set<T>> before, Optional<Set<T>> read, Function<T, String> chain, Set<String> written) {
        return before.flatMap(kept -> read.map(now -> Stream.concat(
                        kept.stream().filter(part -> !written.contains(chain.apply(part))),
                        now.stream().filter(part -> written.contains(chain.apply(part))))
                .collect(Collectors.toSet())));
    }

    JsonNode list(String commands) {
        return nftables.list(commands);
    }

    /** Changes elements alone, as a whole or not at all. */
    void change(List<Element> removed, List<Element> added) {
        if (removed.isEmpty() && added.isEmpty()) {
            return;
        }
        NftablesBatch batch = ElementBatch.build(NAME, removed, added);
        Optional<Integer> refused = batch.size() > LARGEST_BATCH ? Optional.empty() : nftables.transact(batch);
        if (refused.isEmpty()) {
            nftables.run(Script.elements(removed, added));
        } else if (refused.get() != 0) {
            throw new NftablesException("the kernel refused to remove " + removed.size() + " elements and to add "
                    + added.size() + ", the first of them in "
                    + (added.isEmpty() ? removed : added).getFirst().set() + ": " + refusal(refused.get()));
        }
    }

    /**
     * Runs a transaction of the kernel's own messages.
     *
     * @return 0, or the errno with which it was refused as a whole
     */
    int transact(NftablesBatch batch) {
        return nftables.ask(socket -> socket.transact(batch));
    }

    /** Reads from the kernel itself, which takes less time than libnftables where there are many elements. */
    <T> T read(Function<NftablesSocket, T> question) {
        return nftables.ask(question);
    }

    static String refusal(int errno) {
        return Errno.name(errno) + (errno == Errno.EPERM ? " (the table belongs to another process)" : "");
    }

    /** What a socket takes in one message by default is 208 KiB (net.core.wmem_default). */
    private static final int LARGEST_BATCH = 100_000;

    /**
     * What is in the table.
     *
     * @param chains names of chains
     * @param maps names of maps
     * @param sets names of sets
     */
    record Names(List<String> chains, List<String> maps, List<String> sets) {
        static final Names NONE = new Names(List.of(), List.of(), List.of());

        /** Commands that remove all of it. */
        void remove(Script commands) {
            // What refers goes before what is referred to.
            chains.forEach(commands::flushChain);
            maps.forEach(commands::deleteMap);
            chains.forEach(commands::deleteChain);
            sets.forEach(commands::deleteSet);
        }
    }

    /** What is in the table under names of one owner, whoever put it there. */
    Names names(Predicate<String> owned) {
        Names names = new Names(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (JsonNode object : list("list chains inet\nlist sets inet\nlist maps inet")) {
            object.properties().forEach(named -> {
                JsonNode value = named.getValue();
                String name = value.path("name").asText();
                if (value.path("table").asText().equals(NAME) && owned.test(name)) {
                    switch (named.getKey()) {
                        case "chain" -> names.chains().add(name);
                        case "map" -> names.maps().add(name);
                        case "set" -> names.sets().add(name);
                        default -> {
                            // Lists begin with what describes them.
                        }
                    }
                }
            });
        }
        return names;
    }

    /** Commands that remove what is in the table under names of one owner, whoever put it there. */
    void clear(Script commands, Predicate<String> owned) {
        names(owned).remove(commands);
    }

    /** Removes what is in the table under an owner's names, and the table where nothing else is in it. */
    void remove(Owner owner) {
        if (!isPresent()) {
            return;
        }
        ensure();
        Script commands = new Script();
        clear(commands, owner::owns);
        if (!commands.isEmpty()) {
            run(commands.text());
        }
        removeIfEmpty();
    }

    /** Removes the table of a version that had masquerading in one of its own. */
    void removeFormer() {
        if (nftables.table(FORMER).isPresent()) {
            nftables.run("delete table inet " + FORMER);
        }
    }

    /** Removes the table if nothing is in it. */
    void removeIfEmpty() {
        for (JsonNode object : list("list table inet " + NAME)) {
            if (!object.has("metainfo") && !object.has("table")) {
                return;
            }
        }
        nftables.run("delete table inet " + NAME);
    }

    /** Removes the table with everything in it; idempotent. */
    void remove() {
        removeFormer();
        if (isPresent()) {
            ensure();
            nftables.run("delete table inet " + NAME);
        }
    }

    /** Closes the socket; what is in the kernel stays in force. */
    @Override
    public void close() {
        nftables.close();
    }
}
