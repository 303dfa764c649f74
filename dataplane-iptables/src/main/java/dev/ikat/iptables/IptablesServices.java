package dev.ikat.iptables;

import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Services by iptables and ipset (docs/decisions/services-in-iptables.md): a chain for each frontend, to which a tree
 * of chains leads, and sets that say for which packets there is anything to do. The rules of a family in one table
 * change in one commit of the kernel's. Not thread-safe.
 */
public final class IptablesServices implements ServiceBackend {
    private static final Logger LOG = LoggerFactory.getLogger(IptablesServices.class);

    /** How many clients a backend can have at the same time. */
    private static final int CLIENTS = 1 << 18;

    private final OwnSets kernel;
    private final List<Family> families;
    /** What this object has put in force. */
    private Map<Frontend, FrontendChains> frontends = new HashMap<>();

    private ServiceMembers members = new ServiceMembers(new ServiceNames('a'));
    private Set<Cidr> podCidrs = Set.of();
    private Set<Cidr> serviceCidrs = Set.of();
    private final Knowledge knowledge = new Knowledge();

    private record Family(IpFamily family, Rules translation, Rules refusal) {
        Family(Programs programs, IptablesVariant variant, IpFamily family) {
            this(family, Rules.translation(programs, variant, family), Rules.refusal(programs, variant, family));
        }
    }

    /**
     * @param programs runs iptables and ipset
     * @param variant which of the two
     */
    public IptablesServices(Programs programs, IptablesVariant variant) {
        this.kernel = new OwnSets(programs, ServiceNames.SETS);
        this.families = Stream.of(IpFamily.values())
                .map(family -> new Family(programs, variant, family))
                .toList();
    }

    /** Whether any process has put them there. Asking never creates a table. */
    static boolean isPresent(Listings listings, IptablesVariant variant) {
        return listings.has(variant, ServiceChains.TRANSLATE) || listings.has(variant, ServiceChains.PASSING);
    }

    /**
     * The sets are those of another generation, to which the rules turn in one commit for each table; only the clients
     * of backends stay where they are.
     */
    @Override
    public void replace(ServiceProgram program, Collection<StickyClient> clients) {
        knowledge.change("put all services in force", () -> {
            Set<String> before = kernel.names();
            ServiceMembers next = new ServiceMembers(ServiceNames.beside(before));
            Map<Frontend, FrontendChains> made =
                    HashMap.newHashMap(program.frontends().size());
            List<ServiceMember> needed = new ArrayList<>();
            for (Family one : families) {
                needed.addAll(ServiceMember.blocks(ServiceSet.PODS, program.podCidrs(), one.family()));
                needed.addAll(ServiceMember.blocks(ServiceSet.BLOCKS, program.serviceCidrs(), one.family()));
            }
            program.frontends().forEach((frontend, wanted) -> {
                FrontendChains chains = FrontendChains.of(wanted, program.podCidrs(), next.names());
                made.put(frontend, chains);
                needed.addAll(chains.members());
            });
            next.change(List.of(), needed);
            StringBuilder create = next.create();
            made.values().forEach(chains -> createClients(chains, before, create));
            Set<String> clientSets = clientSets(made.values());
            Set<String> come = new TreeSet<>(next.contents().keySet());
            come.addAll(clientSets);
            come.removeAll(before);
            kernel.allOrNothing(come, new StringBuilder(), undo -> {
                kernel.restore(create);
                kernel.add(StickyClients.add(clientSets, clients));
                for (Family one : families) {
                    ServiceChains fixed = new ServiceChains(one.family(), next.names());
                    undo.add(one.refusal().replace(fixed.refusal()));
                    undo.add(one.translation().replace(translation(fixed, made)));
                }
            });
            before.removeAll(clientSets);
            kernel.destroy(before);
            frontends = made;
            members = next;
            podCidrs = program.podCidrs();
            serviceCidrs = program.serviceCidrs();
        });
    }

    private static void createClients(FrontendChains chains, Set<String> present, StringBuilder commands) {
        String family =
                ServiceMembers.inet(chains.program().frontend().address().family());
        chains.clients().stream()
                .filter(set -> !present.contains(set))
                .forEach(set -> commands.append(
                        "create %s hash:ip family %s timeout 0 maxelem %d%n".formatted(set, family, CLIENTS)));
    }

    private static Map<String, List<String>> translation(ServiceChains fixed, Map<Frontend, FrontendChains> frontends) {
        Map<String, List<String>> chains = fixed.translation();
        chains.putAll(tree(fixed.family(), frontends.values()));
        frontends.forEach((frontend, one) -> {
            if (frontend.address().family() == fixed.family()) {
                chains.putAll(one.chains());
            }
        });
        return chains;
    }

    private static Map<String, List<String>> tree(IpFamily family, Collection<FrontendChains> frontends) {
        SortedMap<Frontend, String> rules = new TreeMap<>();
        for (FrontendChains one : frontends) {
            Frontend frontend = one.program().frontend();
            if (frontend.address().family() == family) {
                one.rule().ifPresent(rule -> rules.put(frontend, rule));
            }
        }
        return ServiceTree.of(rules);
    }

    @Override
    public void apply(ServiceChange change) {
        knowledge.require("all services have to be put in force first");
        if (change.isEmpty()) {
            return;
        }
        if (change.podCidrs().isPresent() || change.serviceCidrs().isPresent()) {
            replace(change.applyTo(program()));
            return;
        }
        knowledge.change("change services", () -> change(change));
    }

    private void change(ServiceChange change) {
        List<FrontendChains> former = Stream.concat(
                        change.removed().stream(), change.changed().stream().map(FrontendProgram::frontend))
                .flatMap(frontend -> Optional.ofNullable(frontends.get(frontend)).stream())
                .toList();
        List<FrontendChains> now = change.changed().stream()
                .map(program -> FrontendChains.of(program, podCidrs, members.names()))
                .toList();
        ServiceMembers.Change membership = members.change(needed(former), needed(now));
        Set<String> come = clientSets(now);
        Set<String> gone = clientSets(former);
        Set<String> stay = new TreeSet<>(come);
        stay.retainAll(gone);
        come.removeAll(stay);
        gone.removeAll(stay);
        change.removed().forEach(frontends::remove);
        now.forEach(chains -> frontends.put(chains.program().frontend(), chains));
        StringBuilder before = new StringBuilder();
        now.forEach(chains -> createClients(chains, stay, before));
        before.append(membership.before());
        kernel.allOrNothing(come, membership.takeBack(), undo -> {
            kernel.restore(before);
            for (Family one : families) {
                undo.add(one.translation().change(translation(one, former, now)));
            }
            kernel.restore(membership.after());
        });
        kernel.destroy(gone);
    }

    /** The chains that there should be after some frontends have changed. */
    private Map<String, List<String>> translation(Family one, List<FrontendChains> former, List<FrontendChains> now) {
        Map<String, List<String>> wanted = new LinkedHashMap<>(one.translation().written());
        former.forEach(chains -> wanted.keySet().removeAll(chains.chains().keySet()));
        now.stream()
                .filter(chains -> chains.program().frontend().address().family() == one.family())
                .forEach(chains -> wanted.putAll(chains.chains()));
        if (!rules(former).equals(rules(now))) {
            wanted.keySet().removeIf(ServiceTree::owns);
            wanted.putAll(tree(one.family(), frontends.values()));
        }
        return wanted;
    }

    private static Set<String> rules(Collection<FrontendChains> frontends) {
        Set<String> rules = new HashSet<>();
        frontends.forEach(one -> one.rule().ifPresent(rules::add));
        return rules;
    }

    private static List<ServiceMember> needed(Collection<FrontendChains> frontends) {
        return frontends.stream().flatMap(one -> one.members().stream()).toList();
    }

    private static Set<String> clientSets(Collection<FrontendChains> frontends) {
        Set<String> clients = new TreeSet<>();
        frontends.forEach(one -> clients.addAll(one.clients()));
        return clients;
    }

    @Override
    public void adopt(Collection<StickyClient> clients) {
        Knowledge.attempt("take over clients of services", () -> {
            kernel.add(StickyClients.add(clientSets(frontends.values()), clients));
            return true;
        });
    }

    /** The clients of this program's backends that any process has put into sets; both variants have the same. */
    static List<StickyClient> stickyClients(Programs programs, ServiceProgram program) {
        try {
            return StickyClients.in(programs.run("", "ipset", "save"), program);
        } catch (IptablesException e) {
            // A host without ipset has none.
            LOG.atDebug().addKeyValue("reason", e.getMessage()).log("sticky-clients-unknown");
            return List.of();
        }
    }

    private ServiceProgram program() {
        Map<Frontend, FrontendProgram> programs = HashMap.newHashMap(frontends.size());
        frontends.forEach((frontend, chains) -> programs.put(frontend, chains.program()));
        return new ServiceProgram(programs, podCidrs, serviceCidrs);
    }

    @Override
    public List<String> audit(ServiceProgram program) {
        if (!knowledge.isKnown()) {
            return List.of(Knowledge.MISSING);
        }
        List<String> differences = new ArrayList<>();
        if (!program.equals(program())) {
            differences.add("other services are in force than those that should be");
        }
        return Knowledge.attempt("read what is in force", () -> {
            for (Family one : families) {
                one.translation().audit(differences);
                one.refusal().audit(differences);
            }
            Map<String, Set<String>> wanted = members.contents();
            Map<String, Set<String>> present = kernel.contents();
            for (String clients : clientSets(frontends.values())) {
                // Who they are the kernel alone knows.
                wanted.put(clients, present.getOrDefault(clients, Set.of()));
            }
            OwnSets.compare(wanted, present, differences);
            return differences;
        });
    }

    @Override
    public void remove() {
        knowledge.change("remove services", () -> {
            for (Family one : families) {
                one.translation().remove();
                one.refusal().remove();
            }
            kernel.destroy(kernel.names());
        });
        knowledge.forget();
        frontends = new HashMap<>();
    }

    /** Forgets what is in force; it stays in force. */
    @Override
    public void close() {
        knowledge.forget();
    }
}
