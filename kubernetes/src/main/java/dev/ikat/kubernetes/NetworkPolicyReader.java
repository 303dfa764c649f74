package dev.ikat.kubernetes;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortMatch;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Reads the specification of a networking.k8s.io/v1 NetworkPolicy. A field that it does not know is a fault: a policy
 * that lacks a condition because its name was misspelt allows what it should not.
 *
 * <p>Of a policy that can't be read whole the rest is read such that it fails closed: it isolates at least the pods
 * that the whole would, and allows nothing that the whole would not.
 */
final class NetworkPolicyReader {
    private final YamlValue document;
    private final Faults faults = new Faults();

    private NetworkPolicyReader(YamlValue document) {
        this.document = document;
    }

    /** As much of a policy as can be read, and what can't be. */
    static ObjectForm.Reading<NetworkPolicy> read(YamlValue document) {
        NetworkPolicyReader reader = new NetworkPolicyReader(document);
        Optional<NetworkPolicy> policy = reader.policy();
        return new ObjectForm.Reading<>(policy, reader.faults.all());
    }

    /** The same policy as one that allows nothing in any direction, for the reason given. */
    static ObjectForm.Reading<NetworkPolicy> closed(YamlValue document, ManifestFault reason) {
        ObjectForm.Reading<NetworkPolicy> reading = read(document);
        List<ManifestFault> all = new ArrayList<>(List.of(reason));
        all.addAll(reading.faults());
        return new ObjectForm.Reading<>(
                reading.object().map(read -> isolating(read.key(), read.podSelector(), all)), List.copyOf(all));
    }

    private static NetworkPolicy isolating(ObjectKey key, LabelSelector pods, List<ManifestFault> unreadable) {
        return new NetworkPolicy(
                key.namespace(),
                key.name(),
                pods,
                EnumSet.allOf(Direction.class),
                List.of(),
                List.of(),
                reasons(unreadable));
    }

    private static List<String> reasons(List<ManifestFault> faults) {
        return faults.stream().map(ManifestFault::reason).toList();
    }

    private Optional<NetworkPolicy> policy() {
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.NETWORK_POLICY, faults);
        boolean known = faults.check(() -> document.get("spec")
                .ifPresent(spec -> spec.allowOnly("podSelector", "policyTypes", "ingress", "egress")));
        Optional<LabelSelector> pods = faults.attempt(() -> document.get("spec")
                .flatMap(spec -> SelectorFields.read(spec, "podSelector"))
                .orElse(LabelSelector.EVERYTHING));
        List<Direction> named = new ArrayList<>();
        Optional<List<YamlValue>> types = faults.attempt(() ->
                document.get("spec").map(spec -> spec.elements("policyTypes")).orElse(List.of()));
        boolean typed = types.isPresent();
        for (YamlValue type : types.orElse(List.of())) {
            typed &= faults.check(() -> named.add(ObjectFields.choice(type, Direction.values(), Direction::title)));
        }
        List<Rule> ingress = rules("ingress", "from");
        List<Rule> egress = rules("egress", "to");
        if (key.isEmpty()) {
            return Optional.empty();
        }
        // A field that is not known may be a condition of all rules, and a selector widened by one is another.
        if (!known || pods.isEmpty()) {
            return Optional.of(isolating(key.get(), pods.orElse(LabelSelector.EVERYTHING), faults.all()));
        }
        Set<Direction> meant = named.isEmpty() ? NetworkPolicy.defaultTypes(egress) : EnumSet.copyOf(named);
        if (!typed) {
            meant = EnumSet.allOf(Direction.class);
            // Rules of a direction that is not meant would have no effect, so they can't be taken for ones that have.
            ingress = named.contains(Direction.INGRESS) ? ingress : List.of();
            egress = named.contains(Direction.EGRESS) ? egress : List.of();
        }
        return Optional.of(new NetworkPolicy(
                key.get().namespace(), key.get().name(), pods.get(), meant, ingress, egress, reasons(faults.all())));
    }

    private List<Rule> rules(String key, String peers) {
        List<Rule> rules = new ArrayList<>();
        boolean list = faults.check(() -> document.get("spec")
                .map(spec -> spec.elements(key))
                .orElse(List.of())
                .forEach(rule -> rules.add(rule(rule, peers).orElse(Rule.NOTHING))));
        return list ? rules : List.of(Rule.NOTHING);
    }

    private Optional<Rule> rule(YamlValue rule, String peersKey) {
        boolean known = faults.check(() -> rule.allowOnly(peersKey, "ports"));
        Optional<List<Peer>> peers = readable(rule, peersKey, NetworkPolicyReader::peer);
        Optional<List<PortRule>> ports = readable(rule, "ports", NetworkPolicyReader::portRule);
        return known && peers.isPresent() && ports.isPresent()
                ? Optional.of(new Rule(peers.get(), ports.get()))
                : Optional.empty();
    }

    /** The elements of a list that can be read; empty if that leaves none of some, as none would mean any. */
    private <T> Optional<List<T>> readable(YamlValue holder, String key, Function<YamlValue, T> reader) {
        return faults.attempt(() -> holder.elements(key)).flatMap(elements -> {
            List<T> read = new ArrayList<>();
            elements.forEach(
                    element -> faults.attempt(() -> reader.apply(element)).ifPresent(read::add));
            return read.isEmpty() && !elements.isEmpty() ? Optional.empty() : Optional.of(read);
        });
    }

    private static Peer peer(YamlValue peer) {
        Faults faults = new Faults();
        faults.check(() -> peer.allowOnly("podSelector", "namespaceSelector", "ipBlock"));
        Optional<Optional<LabelSelector>> pods = faults.attempt(() -> SelectorFields.read(peer, "podSelector"));
        Optional<Optional<LabelSelector>> namespaces =
                faults.attempt(() -> SelectorFields.read(peer, "namespaceSelector"));
        Optional<Optional<IpBlock>> block =
                faults.attempt(() -> peer.get("ipBlock").map(NetworkPolicyReader::ipBlock));
        faults.throwIfAny();
        if (block.orElseThrow().isEmpty()) {
            return peer.make(() -> new SelectedPods(namespaces.orElseThrow(), pods.orElseThrow()));
        }
        if (pods.orElseThrow().isPresent() || namespaces.orElseThrow().isPresent()) {
            throw peer.wrong("ipBlock can't be combined with podSelector or namespaceSelector");
        }
        return block.orElseThrow().get();
    }

    private static IpBlock ipBlock(YamlValue block) {
        Faults faults = new Faults();
        faults.check(() -> block.allowOnly("cidr", "except"));
        Optional<Cidr> cidr = faults.attempt(() -> ObjectFields.block(block.require("cidr")));
        Optional<List<Cidr>> except = faults.attempt(() -> block.list("except", ObjectFields::block));
        faults.throwIfAny();
        return block.make(() -> new IpBlock(cidr.orElseThrow(), except.orElseThrow()));
    }

    private static PortRule portRule(YamlValue rule) {
        Faults faults = new Faults();
        faults.check(() -> rule.allowOnly("protocol", "port", "endPort"));
        Optional<Protocol> protocol = faults.attempt(() -> ObjectFields.protocol(rule));
        Optional<PortMatch> port = faults.attempt(() -> portMatch(rule));
        faults.throwIfAny();
        return new PortRule(protocol.orElseThrow(), port.orElseThrow());
    }

    private static PortMatch portMatch(YamlValue rule) {
        Optional<YamlValue> port = rule.get("port");
        Optional<YamlValue> endPort = rule.get("endPort");
        if (endPort.isPresent() && (port.isEmpty() || !port.get().isNumber())) {
            throw endPort.get().wrong("needs a number in port");
        }
        if (port.isEmpty()) {
            return new AnyPort();
        }
        if (!port.get().isNumber()) {
            String name = port.get().text();
            return rule.make(() -> new PortName(name));
        }
        int first = port.get().number();
        int last = endPort.map(YamlValue::number).orElse(first);
        return rule.make(() -> new PortNumbers(first, last));
    }
}
