package dev.ikat.agent.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.policy.LabelSelector;
import dev.ikat.policy.LabelSelector.Operator;
import dev.ikat.policy.LabelSelector.Requirement;
import dev.ikat.policy.NetworkPolicy;
import dev.ikat.policy.NetworkPolicy.AnyPort;
import dev.ikat.policy.NetworkPolicy.Direction;
import dev.ikat.policy.NetworkPolicy.IpBlock;
import dev.ikat.policy.NetworkPolicy.Peer;
import dev.ikat.policy.NetworkPolicy.PortMatch;
import dev.ikat.policy.NetworkPolicy.PortName;
import dev.ikat.policy.NetworkPolicy.PortNumbers;
import dev.ikat.policy.NetworkPolicy.PortRule;
import dev.ikat.policy.NetworkPolicy.Rule;
import dev.ikat.policy.NetworkPolicy.SelectedPods;
import dev.ikat.policy.Protocol;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads the specification of a networking.k8s.io/v1 NetworkPolicy. A field that it does not know is a fault: a policy
 * that lacks a condition because its name was misspelt allows what it should not.
 */
final class NetworkPolicyReader {
    private NetworkPolicyReader() {}

    static NetworkPolicy networkPolicy(YamlValue document) {
        Optional<YamlValue> spec = document.get("spec");
        spec.ifPresent(value -> value.allowOnly("podSelector", "policyTypes", "ingress", "egress"));
        LabelSelector podSelector =
                spec.flatMap(value -> selector(value, "podSelector")).orElse(LabelSelector.EVERYTHING);
        List<Rule> ingress = spec.map(value -> value.list("ingress", rule -> rule(rule, "from")))
                .orElse(List.of());
        List<Rule> egress = spec.map(value -> value.list("egress", rule -> rule(rule, "to")))
                .orElse(List.of());
        List<Direction> named = spec.map(value -> value.list(
                        "policyTypes", type -> ManifestReader.choice(type, Direction.values(), Direction::title)))
                .orElse(List.of());
        Set<Direction> types = named.isEmpty() ? NetworkPolicy.defaultTypes(egress) : EnumSet.copyOf(named);
        return document.make(() -> new NetworkPolicy(
                ManifestReader.namespaceOf(document),
                ManifestReader.name(document),
                podSelector,
                types,
                ingress,
                egress));
    }

    private static Rule rule(YamlValue rule, String peers) {
        rule.allowOnly(peers, "ports");
        return new Rule(rule.list(peers, NetworkPolicyReader::peer), rule.list("ports", NetworkPolicyReader::portRule));
    }

    private static Peer peer(YamlValue peer) {
        peer.allowOnly("podSelector", "namespaceSelector", "ipBlock");
        Optional<LabelSelector> pods = selector(peer, "podSelector");
        Optional<LabelSelector> namespaces = selector(peer, "namespaceSelector");
        Optional<YamlValue> block = peer.get("ipBlock");
        if (block.isEmpty()) {
            return peer.make(() -> new SelectedPods(namespaces, pods));
        }
        if (pods.isPresent() || namespaces.isPresent()) {
            throw peer.wrong("ipBlock can't be combined with podSelector or namespaceSelector");
        }
        return ipBlock(block.get());
    }

    private static IpBlock ipBlock(YamlValue block) {
        block.allowOnly("cidr", "except");
        Cidr cidr = cidr(block.require("cidr"));
        List<Cidr> except = block.list("except", NetworkPolicyReader::cidr);
        return block.make(() -> new IpBlock(cidr, except));
    }

    /** A block; host bits count as zero, as for the API server, which accepts them here. */
    private static Cidr cidr(YamlValue value) {
        return value.make(() -> InterfaceAddress.parse(value.text()).cidr());
    }

    private static PortRule portRule(YamlValue rule) {
        rule.allowOnly("protocol", "port", "endPort");
        Protocol protocol = ManifestReader.protocol(rule);
        return new PortRule(protocol, portMatch(rule));
    }

    private static PortMatch portMatch(YamlValue rule) {
        Optional<YamlValue> port = rule.get("port");
        Optional<YamlValue> endPort = rule.get("endPort");
        if (endPort.isPresent() && (port.isEmpty() || !port.get().isNumber())) {
            throw endPort.get().wrong("needs a port number in port");
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

    private static Optional<LabelSelector> selector(YamlValue holder, String key) {
        return holder.get(key).map(selector -> {
            selector.allowOnly("matchLabels", "matchExpressions");
            return new LabelSelector(
                    ManifestReader.labels(selector, "matchLabels"),
                    selector.list("matchExpressions", NetworkPolicyReader::requirement));
        });
    }

    private static Requirement requirement(YamlValue expression) {
        expression.allowOnly("key", "operator", "values");
        String key = expression.require("key").text();
        Operator operator = ManifestReader.choice(expression.require("operator"), Operator.values(), Operator::title);
        Set<String> values = new HashSet<>(expression.list("values", YamlValue::text));
        return expression.make(() -> new Requirement(key, operator, values));
    }
}
