package dev.ikat.iptables;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What one frontend is in the kernel.
 *
 * @param program what it says
 * @param chains its chains; none if it serves nobody
 * @param members what has to be in services' sets for it
 * @param clients the sets of its backends' clients
 */
record FrontendChains(
        FrontendProgram program, Map<String, List<String>> chains, Set<ServiceMember> members, Set<String> clients) {
    /** How the match statistic counts: its probabilities are shares of this. */
    private static final long CERTAIN = 1L << 31;

    /**
     * What a frontend is.
     *
     * @param podCidrs this node's blocks
     */
    static FrontendChains of(FrontendProgram program, Set<Cidr> podCidrs, ServiceNames names) {
        Writer writer = new Writer(program, podCidrs, names);
        writer.write();
        return new FrontendChains(program, writer.chains, writer.members, writer.clients);
    }

    /** The rule that leads to its chain; empty if it serves nobody. */
    Optional<String> rule() {
        if (chains.isEmpty()) {
            return Optional.empty();
        }
        Frontend frontend = program.frontend();
        String protocol = protocol(frontend);
        // The comment is for people, since the chain's name is a digest.
        return Optional.of("-d %s -p %s -m %s --dport %d -m comment --comment \"%s\" -g %s"
                .formatted(
                        Cidr.host(frontend.address()),
                        protocol,
                        protocol,
                        frontend.port(),
                        program.service(),
                        ServiceNames.chain(frontend)));
    }

    private static String protocol(Frontend frontend) {
        return frontend.protocol().name().toLowerCase(Locale.ROOT);
    }

    private static final class Writer {
        private final FrontendProgram program;
        private final Frontend frontend;
        private final IpFamily family;
        private final Set<Cidr> podCidrs;
        private final ServiceNames names;
        private final Map<String, List<String>> chains = new LinkedHashMap<>();
        private final Set<ServiceMember> members = new HashSet<>();
        private final Set<String> clients = new HashSet<>();

        Writer(FrontendProgram program, Set<Cidr> podCidrs, ServiceNames names) {
            this.program = program;
            this.frontend = program.frontend();
            this.family = frontend.address().family();
            this.podCidrs = podCidrs;
            this.names = names;
        }

        void write() {
            boolean serves = isServed(program.inside()) || isServed(program.outside());
            if (serves) {
                member(ServiceSet.FRONTENDS);
                translate();
            }
            if (!program.sources().isEmpty()) {
                member(ServiceSet.RANGED);
                members.addAll(ServiceMember.sources(frontend, program.sources()));
            }
            if (program.inside() instanceof Target.Drop) {
                member(ServiceSet.DROPPED_INSIDE);
            }
            if (program.outside() instanceof Target.Drop) {
                member(ServiceSet.DROPPED_OUTSIDE);
            }
            if (!isServed(program.inside())
                    || !isServed(program.outside())
                    || !program.sources().isEmpty()) {
                member(ServiceSet.UNSERVED);
            }
            if (program.kind() == Kind.CLUSTER_IP) {
                members.add(ServiceMember.address(frontend));
            }
        }

        private static boolean isServed(Target target) {
            return target instanceof Target.Balance;
        }

        private void member(ServiceSet set) {
            members.add(ServiceMember.frontend(set, frontend));
        }

        /** What is not translated here nobody else is to translate: it is refused, or dropped. */
        private void translate() {
            List<String> rules = new ArrayList<>();
            if (!program.sources().isEmpty()) {
                rules.add(names.notIn(ServiceSet.SOURCES, family, "dst,dst,src") + "-j ACCEPT");
            }
            rules.add((program.keepsSource() ? ServiceChains.FROM_NODE : names.notIn(ServiceSet.PODS, family, "src"))
                    + ServiceChains.SET_MARK);
            if (program.inside().equals(program.outside())) {
                target(program.inside(), false, rules);
            } else {
                String treatment = "-j ACCEPT";
                if (isServed(program.inside())) {
                    String chain = ServiceNames.inside(frontend);
                    List<String> inside = new ArrayList<>();
                    target(program.inside(), false, inside);
                    chains.put(chain, inside);
                    treatment = "-g " + chain;
                }
                rules.add(ServiceChains.FROM_NODE + treatment);
                rules.add(names.in(ServiceSet.PODS, family, "src") + treatment);
                target(program.outside(), true, rules);
            }
            chains.put(ServiceNames.chain(frontend), rules);
        }

        private void target(Target target, boolean outside, List<String> rules) {
            switch (target) {
                case Target.Balance(List<Backend> backends) -> {
                    Optional<Duration> affinity = program.affinity();
                    if (affinity.isPresent()) {
                        remember(backends, outside, affinity.get(), rules);
                    } else {
                        for (int i = 0; i < backends.size(); i++) {
                            rules.add(draw(backends.size() - i) + translation(backends.get(i)));
                        }
                    }
                    for (Backend backend : backends) {
                        if (podCidrs.stream().anyMatch(cidr -> cidr.contains(backend.address()))) {
                            members.add(ServiceMember.hairpin(frontend.protocol(), backend));
                        }
                    }
                }
                case Target.Drop(), Target.Reject() -> rules.add("-j ACCEPT");
            }
        }

        /** Matches one of so many connections that come this far; ends in a space. */
        private String draw(int left) {
            String match = "-p " + protocol(frontend) + " ";
            return left == 1
                    ? match
                    : match
                            + String.format(
                                    Locale.ROOT,
                                    "-m statistic --mode random --probability %.11f ",
                                    Math.round((double) CERTAIN / left) / (double) CERTAIN);
        }

        private static String translation(Backend backend) {
            return "-j DNAT --to-destination " + backend;
        }

        private void remember(List<Backend> backends, boolean outside, Duration time, List<String> rules) {
            for (Backend backend : backends) {
                String set = ServiceNames.clients(frontend, outside, backend);
                clients.add(set);
                rules.add("-m set --match-set " + set + " src -g " + ServiceNames.chain(frontend, outside, backend));
                chains.put(
                        ServiceNames.chain(frontend, outside, backend),
                        List.of(
                                // Goes on also where the set is full.
                                "-j SET --add-set " + set + " src --exist --timeout " + time.toSeconds(),
                                draw(1) + translation(backend)));
            }
            for (int i = 0; i < backends.size(); i++) {
                rules.add(draw(backends.size() - i) + "-g " + ServiceNames.chain(frontend, outside, backends.get(i)));
            }
        }
    }
}
