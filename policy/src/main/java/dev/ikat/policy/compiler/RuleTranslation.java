package dev.ikat.policy.compiler;

import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.Nobody;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.policy.compiler.SetMeaning.PortOfName;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PeerMatch.InBlock;
import dev.ikat.policy.program.PeerMatch.InSet;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.SetId;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Turns the rules of one policy into those of a program. A port's name means a number at the receiving pod: for ingress
 * that is the pod itself, so the name is looked up at once; for egress it is the peer, so a set has each peer's number.
 */
final class RuleTranslation {
    private final NetworkPolicy policy;
    private final ObjectKey key;
    private final Function<SetMeaning, SetId> sets;

    /**
     * @param key the policy's key
     * @param sets gives the set of a meaning its name
     */
    RuleTranslation(NetworkPolicy policy, ObjectKey key, Function<SetMeaning, SetId> sets) {
        this.policy = policy;
        this.key = key;
        this.sets = sets;
    }

    /**
     * What the policy allows to reach a pod.
     *
     * @param pod the pod whose ports the names mean; where it is not known, no name means anything
     */
    List<CompiledRule> ingress(Optional<Pod> pod) {
        List<CompiledRule> compiled = new ArrayList<>();
        for (int index = 0; index < policy.ingress().size(); index++) {
            Rule rule = policy.ingress().get(index);
            if (rule.equals(Rule.NOTHING)) {
                continue;
            }
            Set<PortSpan> spans = numbers(rule.ports());
            for (PortOfName named : names(rule.ports())) {
                pod.flatMap(known -> known.port(named.name(), named.protocol()))
                        .ifPresent(port -> spans.add(new PortSpan(named.protocol(), port, port)));
            }
            // A rule none of whose ports exists allows nothing; without ports it would allow everything.
            if (rule.ports().isEmpty() || !spans.isEmpty()) {
                RuleId id = new RuleId(key, Direction.INGRESS, index);
                compiled.add(new CompiledRule(id, Action.ACCEPT, peers(rule.peers()), List.copyOf(spans)));
            }
        }
        return List.copyOf(compiled);
    }

    /** What the policy allows a pod to reach. */
    List<CompiledRule> egress() {
        List<CompiledRule> compiled = new ArrayList<>();
        for (int index = 0; index < policy.egress().size(); index++) {
            Rule rule = policy.egress().get(index);
            if (rule.equals(Rule.NOTHING)) {
                continue;
            }
            RuleId id = new RuleId(key, Direction.EGRESS, index);
            Set<PortSpan> spans = numbers(rule.ports());
            if (rule.ports().isEmpty() || !spans.isEmpty()) {
                compiled.add(new CompiledRule(id, Action.ACCEPT, peers(rule.peers()), List.copyOf(spans)));
            }
            List<PeerMatch> named = namedPortsOf(rule.peers(), names(rule.ports()));
            if (!named.isEmpty()) {
                compiled.add(new CompiledRule(id, Action.ACCEPT, named, List.of()));
            }
        }
        return List.copyOf(compiled);
    }

    /** The names of ports on which depends what the policy allows to reach a pod, each once. */
    static List<PortOfName> ingressPortNames(NetworkPolicy policy) {
        if (!policy.types().contains(Direction.INGRESS)) {
            return List.of();
        }
        return policy.ingress().stream()
                .flatMap(rule -> names(rule.ports()).stream())
                .distinct()
                .toList();
    }

    private static Set<PortSpan> numbers(List<PortRule> ports) {
        Set<PortSpan> spans = new LinkedHashSet<>();
        for (PortRule rule : ports) {
            switch (rule.port()) {
                case AnyPort() -> spans.add(PortSpan.all(rule.protocol()));
                case PortNumbers(int first, int last) -> spans.add(new PortSpan(rule.protocol(), first, last));
                case PortName _ -> {}
            }
        }
        return spans;
    }

    private static Set<PortOfName> names(List<PortRule> ports) {
        Set<PortOfName> names = new LinkedHashSet<>();
        for (PortRule rule : ports) {
            if (rule.port() instanceof PortName(String name)) {
                names.add(new PortOfName(name, rule.protocol()));
            }
        }
        return names;
    }

    private List<PeerMatch> peers(List<Peer> peers) {
        Set<PeerMatch> matches = new LinkedHashSet<>();
        for (Peer peer : peers) {
            matches.add(
                    switch (peer) {
                        case SelectedPods pods -> new InSet(sets.apply(meaning(pods, Optional.empty())));
                        case IpBlock block -> new InBlock(block);
                        case Nobody _ ->
                            throw new IllegalStateException(
                                    "a rule of " + key + " combines an unreadable peer with others");
                    });
        }
        return List.copyOf(matches);
    }

    private List<PeerMatch> namedPortsOf(List<Peer> peers, Set<PortOfName> names) {
        Set<PeerMatch> matches = new LinkedHashSet<>();
        for (PortOfName name : names) {
            Optional<PortOfName> port = Optional.of(name);
            if (peers.isEmpty()) {
                SetMeaning all = new SetMeaning(Reach.EVERYWHERE, Requirements.NONE, port);
                matches.add(new InSet(sets.apply(all)));
            }
            for (Peer peer : peers) {
                // The addresses of a block have no containers, and so no names for their ports.
                if (peer instanceof SelectedPods pods) {
                    matches.add(new InSet(sets.apply(meaning(pods, port))));
                }
            }
        }
        return List.copyOf(matches);
    }

    private SetMeaning meaning(SelectedPods peer, Optional<PortOfName> port) {
        Reach reach = peer.namespaces()
                .<Reach>map(selector -> new Reach.Selected(Requirements.of(selector)))
                .orElseGet(() -> new Reach.Own(policy.namespace()));
        return new SetMeaning(reach, peer.pods().map(Requirements::of).orElse(Requirements.NONE), port);
    }
}
