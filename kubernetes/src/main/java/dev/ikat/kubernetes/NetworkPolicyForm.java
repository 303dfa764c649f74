package dev.ikat.kubernetes;

import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.Nobody;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.ObjectKind;
import java.io.IOException;
import java.util.Optional;

/** NetworkPolicies of networking.k8s.io/v1, which {@link NetworkPolicyReader} reads. */
final class NetworkPolicyForm implements ObjectForm<NetworkPolicy> {
    static final ApiKind<NetworkPolicy> KIND = ApiKind.of(
            ObjectKind.NETWORK_POLICY, NetworkPolicy.class, "v1", "networkpolicies", new NetworkPolicyForm(), "spec");

    @Override
    public Reading<NetworkPolicy> read(YamlValue object) {
        return NetworkPolicyReader.read(object);
    }

    /** {@inheritDoc} It isolates what it would select, and allows nothing. */
    @Override
    public Reading<NetworkPolicy> mistaken(YamlValue document, ManifestFault fault) {
        return NetworkPolicyReader.closed(document, fault);
    }

    @Override
    public void write(ManifestWriter out, NetworkPolicy policy) throws IOException {
        out.metadata(policy.key(), () -> out.unreadable(policy));
        out.object("spec", () -> {
            SelectorFields.write(out, "podSelector", Optional.of(policy.podSelector()));
            out.list("policyTypes", policy.types(), type -> out.value(type.title()));
            out.list("ingress", policy.ingress(), rule -> rule(out, rule, "from"));
            out.list("egress", policy.egress(), rule -> rule(out, rule, "to"));
        });
    }

    private static void rule(ManifestWriter out, Rule rule, String peers) throws IOException {
        out.object(() -> {
            out.list(peers, rule.peers(), peer -> out.object(() -> peer(out, peer)));
            out.list("ports", rule.ports(), port -> out.object(() -> portRule(out, port)));
        });
    }

    private static void peer(ManifestWriter out, Peer peer) throws IOException {
        switch (peer) {
            case SelectedPods selected -> {
                SelectorFields.write(out, "namespaceSelector", selected.namespaces());
                SelectorFields.write(out, "podSelector", selected.pods());
            }
            case Nobody _ -> {
                // What is read as one again: a peer of no kind.
            }
            case IpBlock block ->
                out.object("ipBlock", () -> {
                    out.field("cidr", block.cidr().toString());
                    out.list("except", block.except(), out::value);
                });
        }
    }

    private static void portRule(ManifestWriter out, PortRule rule) throws IOException {
        out.field("protocol", rule.protocol().name());
        switch (rule.port()) {
            case AnyPort _ -> {}
            case PortName name -> out.field("port", name.name());
            case PortNumbers numbers -> {
                out.field("port", numbers.first());
                if (numbers.last() != numbers.first()) {
                    out.field("endPort", numbers.last());
                }
            }
        }
    }
}
