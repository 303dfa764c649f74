package dev.ikat.nftables;

import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.TableContent;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Services as elements of a few maps in Ikat's table (docs/decisions/services-in-nftables.md). All of it is written by
 * netlink, in one transaction each time: a change of elements does not depend on how many others there are, while
 * libnftables reads them all first. Not thread-safe.
 */
public final class NftablesServices implements ServiceBackend {
    private final NftablesTable table;
    /** What this object has put in force. */
    private Map<Frontend, FrontendRows> frontends = new HashMap<>();

    private ElementCounts shared = new ElementCounts();
    /** Chains that choose a backend; one that no frontend needs any more stays until all is replaced. */
    private Set<ServiceChain> chains = new HashSet<>();

    private Set<Cidr> podCidrs = Set.of();
    private Set<Cidr> serviceCidrs = Set.of();
    /**
     * The rules as the kernel numbered them; empty before anything was put in force, and where others may have changed
     * them before they were read.
     */
    private Optional<Set<TableContent.Rule>> rules = Optional.empty();

    /** Whether nobody knows what is in force: nothing was put in force yet, or the last change was refused. */
    private boolean lost = true;

    public NftablesServices(NftablesTable table) {
        this.table = table;
    }

    /** The names of all chains and sets that there have to be. */
    private record Names(Set<String> chains, Set<String> sets) {
        static Names of(Collection<ServiceChain> chains, Collection<StickyTarget> sticky) {
            Set<String> chainNames = new TreeSet<>(ServiceRules.names());
            chains.forEach(chain -> chainNames.add(chain.name()));
            Set<String> setNames = new TreeSet<>();
            for (IpFamily family : IpFamily.values()) {
                Stream.of(ServiceSet.values()).map(set -> set.name(family)).forEach(setNames::add);
            }
            for (StickyTarget target : sticky) {
                chainNames.add(target.name());
                target.backends().forEach(backend -> {
                    chainNames.add(target.chain(backend));
                    setNames.add(target.clients(backend));
                });
            }
            return new Names(chainNames, setNames);
        }
    }

    @Override
    public void replace(ServiceProgram program, Collection<StickyClient> clients) {
        table.ensure();
        Map<Frontend, FrontendRows> rows =
                HashMap.newHashMap(program.frontends().size());
        ElementCounts counts = new ElementCounts();
        Set<ServiceChain> needed = new HashSet<>();
        program.frontends().forEach((frontend, one) -> {
            FrontendRows made = FrontendRows.of(one, Optional.empty(), program.podCidrs());
            rows.put(frontend, made);
            counts.add(made.shared());
            needed.addAll(made.chains());
        });
        List<ServiceElement> elements = new ArrayList<>(counts.elements());
        rows.values().forEach(made -> elements.addAll(made.elements()));
        elements.addAll(blocks(ServiceSet.PODS, program.podCidrs()));
        elements.addAll(blocks(ServiceSet.BLOCKS, program.serviceCidrs()));
        List<StickyTarget> sticky = sticky(rows);
        Content content = new Content(elements, needed, sticky, clients);
        rules = table.readBack(() -> putInForce(content), this::rulesInForce);
        counts.settle();
        frontends = rows;
        shared = counts;
        chains = needed;
        podCidrs = program.podCidrs();
        serviceCidrs = program.serviceCidrs();
        lost = false;
    }

    private void putInForce(Content content) {
        int refused = table.transact(whole(content, false));
        if (refused != 0) {
            // An earlier version's sets may be of another form.
            refused = table.transact(whole(content, true));
        }
        check(refused, "services");
    }

    private static List<StickyTarget> sticky(Map<Frontend, FrontendRows> rows) {
        return rows.values().stream().flatMap(made -> made.sticky().stream()).toList();
    }

    /** What there is to be beside {@link ServiceRules}. */
    private record Content(
            Collection<ServiceElement> elements,
            Collection<ServiceChain> chains,
            Collection<StickyTarget> sticky,
            Collection<StickyClient> clients) {}

    /** @param anew whether sets are made anew, even if that makes clients lose their backends */
    private NftablesBatch whole(Content content, boolean anew) {
        Collection<StickyTarget> sticky = content.sticky();
        Names names = Names.of(content.chains(), sticky);
        Set<String> oldChains = chainsInForce();
        Set<String> oldSets = setsInForce();
        NftablesBatch batch = new NftablesBatch().batchBegin();
        oldChains.forEach(chain -> ServiceRules.flush(batch, chain));
        oldSets.stream()
                .filter(set -> !set.startsWith(StickyTarget.CLIENTS))
                .forEach(set -> ServiceElement.flush(batch, set));
        oldSets.stream()
                .filter(set -> anew || !names.sets().contains(set))
                .forEach(set -> ServiceSet.delete(batch, set));
        oldChains.stream()
                .filter(chain -> anew || !names.chains().contains(chain))
                .forEach(chain -> ServiceRules.delete(batch, chain));
        createSets(batch, sticky, anew ? Set.of() : oldSets);
        ServiceRules.create(batch);
        names.chains().stream()
                .filter(chain -> !ServiceRules.isBase(chain))
                .forEach(chain -> ServiceRules.create(batch, chain));
        ServiceElement.add(batch, content.elements());
        StickyClients.add(batch, sticky, content.clients());
        content.chains().forEach(chain -> chain.rules(batch));
        for (StickyTarget target : sticky) {
            target.rules(batch);
            target.backends().forEach(backend -> target.rules(batch, backend));
        }
        ServiceRules.rules(batch);
        return batch.acknowledgeLast().batchEnd();
    }

    private static void createSets(NftablesBatch batch, Collection<StickyTarget> sticky, Set<String> present) {
        int id = 0;
        for (ServiceSet set : ServiceSet.values()) {
            for (IpFamily family : IpFamily.values()) {
                if (!present.contains(set.name(family))) {
                    set.create(batch, family, ++id);
                }
            }
        }
        for (StickyTarget target : sticky) {
            for (Backend backend : target.backends()) {
                String name = target.clients(backend);
                if (!present.contains(name)) {
                    ServiceSet.createClients(
                            batch, name, target.frontend().address().family(), ++id);
                }
            }
        }
    }

    private static List<ServiceElement> blocks(ServiceSet set, Set<Cidr> cidrs) {
        return Stream.of(IpFamily.values())
                .flatMap(family -> MasqueradeState.cover(cidrs, family).stream())
                .flatMap(cidr -> ServiceElement.block(set, cidr).stream())
                .toList();
    }

    private void check(int refused, String what) {
        if (refused != 0) {
            lost = true;
            throw new NftablesException("the kernel refused " + what + ": " + NftablesTable.refusal(refused)
                    + "; it needs nf_tables with NAT (nft_nat, nft_masq, nft_redir, nft_numgen, nft_fib_inet,"
                    + " nft_reject_inet)");
        }
    }

    @Override
    public void apply(ServiceChange change) {
        if (change.isEmpty()) {
            return;
        }
        if (change.podCidrs().isPresent() || change.serviceCidrs().isPresent()) {
            replace(change.applyTo(program()));
            return;
        }
        Set<ServiceElement> removed = new LinkedHashSet<>();
        Set<ServiceElement> added = new LinkedHashSet<>();
        StickyChange sticky = new StickyChange();
        Map<Frontend, FrontendRows> made = new HashMap<>();
        Set<ServiceChain> needed = new LinkedHashSet<>();
        for (Frontend frontend : change.removed()) {
            Optional.ofNullable(frontends.get(frontend)).ifPresent(former -> {
                removed.addAll(former.elements());
                shared.remove(former.shared());
                sticky.former(former.sticky());
            });
        }
        for (FrontendProgram program : change.changed()) {
            Optional<FrontendRows> former = Optional.ofNullable(frontends.get(program.frontend()));
            FrontendRows now = FrontendRows.of(program, former, podCidrs);
            Set<ServiceElement> before = former.map(FrontendRows::elements).orElse(Set.of());
            before.stream().filter(element -> !now.elements().contains(element)).forEach(removed::add);
            now.elements().stream().filter(element -> !before.contains(element)).forEach(added::add);
            former.ifPresent(rows -> {
                shared.remove(rows.shared());
                sticky.former(rows.sticky());
            });
            shared.add(now.shared());
            sticky.now(now.sticky());
            made.put(program.frontend(), now);
            now.chains().stream().filter(chain -> !chains.contains(chain)).forEach(needed::add);
        }
        removed.addAll(shared.gone());
        added.addAll(shared.come());
        if (!removed.isEmpty() || !added.isEmpty() || !sticky.isEmpty()) {
            NftablesBatch batch = new NftablesBatch().batchBegin();
            needed.forEach(chain -> ServiceRules.createEmpty(batch, chain.name()));
            needed.forEach(chain -> chain.rules(batch));
            sticky.before(batch);
            ServiceElement.remove(batch, removed);
            ServiceElement.add(batch, added);
            sticky.after(batch);
            Set<String> written = new HashSet<>(sticky.chains());
            needed.forEach(chain -> written.add(chain.name()));
            change(batch.acknowledgeLast().batchEnd(), written);
        }
        change.removed().forEach(frontends::remove);
        frontends.putAll(made);
        shared.settle();
        chains.addAll(needed);
    }

    /** @param written the chains whose rules it writes anew, or takes away */
    private void change(NftablesBatch batch, Set<String> written) {
        Runnable transaction = () -> {
            int refused = table.transact(batch);
            if (refused != 0) {
                shared.undo();
            }
            check(refused, "a change of services");
        };
        if (written.isEmpty()) {
            transaction.run();
        } else {
            rules = NftablesTable.afterChange(
                    rules, table.readBack(transaction, this::rulesInForce), TableContent.Rule::chain, written);
        }
    }

    @Override
    public void adopt(Collection<StickyClient> clients) {
        NftablesBatch batch = new NftablesBatch().batchBegin();
        if (StickyClients.add(batch, sticky(frontends), clients)) {
            int refused = table.transact(batch.acknowledgeLast().batchEnd());
            if (refused != 0) {
                throw new NftablesException(
                        "the kernel refused clients of services: " + NftablesTable.refusal(refused));
            }
        }
    }

    private ServiceProgram program() {
        Map<Frontend, FrontendProgram> programs = HashMap.newHashMap(frontends.size());
        frontends.forEach((frontend, rows) -> programs.put(frontend, rows.program()));
        return new ServiceProgram(programs, podCidrs, serviceCidrs);
    }

    private Set<String> chainsInForce() {
        return owned(table.read(socket -> socket.chains(NftablesTable.NAME)));
    }

    private Set<String> setsInForce() {
        return owned(table.read(socket -> socket.sets(NftablesTable.NAME)));
    }

    private static Set<String> owned(List<String> names) {
        return names.stream().filter(Owner.SERVICES::owns).collect(Collectors.toCollection(TreeSet::new));
    }

    private Set<TableContent.Rule> rulesInForce() {
        return table.read(socket -> socket.rules(NftablesTable.NAME)).stream()
                .filter(rule -> Owner.SERVICES.owns(rule.chain()))
                .collect(Collectors.toSet());
    }

    @Override
    public List<String> audit(ServiceProgram program) {
        if ((lost && rules.isEmpty()) || !table.isPresent()) {
            return List.of("services are not in force");
        }
        if (rules.isEmpty()) {
            return List.of(NftablesTable.UNCERTAIN);
        }
        List<String> differences = new ArrayList<>();
        if (lost || !program.equals(program())) {
            differences.add("other services are in force than those that should be");
        }
        Names names = Names.of(chains, sticky(frontends));
        Set<String> sets = setsInForce();
        compare("chain", names.chains(), chainsInForce(), differences);
        compare("set", names.sets(), sets, differences);
        if (!rulesInForce().equals(rules.get())) {
            differences.add("the rules of services were changed");
        }
        compareElements(sets, differences);
        return differences;
    }

    private void compareElements(Set<String> sets, List<String> differences) {
        Map<String, Set<String>> wanted = new HashMap<>();
        Stream.of(
                        frontends.values().stream().flatMap(rows -> rows.elements().stream()),
                        shared.elements().stream(),
                        blocks(ServiceSet.PODS, podCidrs).stream(),
                        blocks(ServiceSet.BLOCKS, serviceCidrs).stream())
                .flatMap(Function.identity())
                .forEach(element -> wanted.computeIfAbsent(element.set().name(element.family()), _ -> new TreeSet<>())
                        .add(element.entry().toString()));
        for (String set : sets) {
            if (!set.startsWith(StickyTarget.CLIENTS)) {
                Set<String> found = table.read(socket -> socket.elements(NftablesTable.NAME, set)).stream()
                        .map(TableContent.SetEntry::toString)
                        .collect(Collectors.toCollection(TreeSet::new));
                compare("element of " + set + ":", wanted.getOrDefault(set, Set.of()), found, differences);
            }
        }
    }

    private static void compare(String kind, Set<String> wanted, Set<String> present, List<String> differences) {
        wanted.stream()
                .filter(name -> !present.contains(name))
                .forEach(name -> differences.add("missing " + kind + " " + name));
        present.stream()
                .filter(name -> !wanted.contains(name))
                .forEach(name -> differences.add("unknown " + kind + " " + name));
    }

    @Override
    public boolean isUntouched() {
        return rules.isPresent() && !lost && table.isProtected();
    }

    @Override
    public void remove() {
        frontends = new HashMap<>();
        shared = new ElementCounts();
        chains = new HashSet<>();
        rules = Optional.empty();
        lost = true;
        table.remove(Owner.SERVICES);
    }

    @Override
    public void close() {
        // The table is the dataplane's.
    }
}
