package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
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
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

/**
 * Writes objects of the cluster model in the form of the Kubernetes API, so that {@link ManifestReader} reads equals.
 */
final class ManifestWriter {
    /** The field of a policy's metadata for what of it could not be read; none of the API's. */
    static final String UNREADABLE = "ikatCouldNotRead";

    private final JsonGenerator json;

    private ManifestWriter(JsonGenerator json) {
        this.json = json;
    }

    /** Writes one object. */
    static void write(JsonGenerator json, ClusterObject object) throws IOException {
        ManifestWriter writer = new ManifestWriter(json);
        json.writeStartObject();
        switch (object) {
            case Node node -> writer.node(node);
            case Namespace namespace -> writer.head("v1", namespace.key(), namespace.labels());
            case Pod pod -> writer.pod(pod);
            case NetworkPolicy policy -> writer.networkPolicy(policy);
        }
        json.writeEndObject();
    }

    private interface Element<T> {
        void write(T element) throws IOException;
    }

    private <T> void list(String name, Collection<T> elements, Element<T> element) throws IOException {
        if (!elements.isEmpty()) {
            json.writeArrayFieldStart(name);
            for (T each : elements) {
                element.write(each);
            }
            json.writeEndArray();
        }
    }

    private void head(String version, ObjectKey key, Labels labels) throws IOException {
        head(version, key, labels, Optional.empty());
    }

    private void head(String version, ObjectKey key, Labels labels, Optional<Instant> created) throws IOException {
        beginHead(version, key);
        if (created.isPresent()) {
            json.writeStringField("creationTimestamp", created.get().toString());
        }
        labels("labels", labels);
        json.writeEndObject();
    }

    /** Its metadata are still open. */
    private void beginHead(String version, ObjectKey key) throws IOException {
        json.writeStringField("apiVersion", version);
        json.writeStringField("kind", key.kind().title());
        json.writeObjectFieldStart("metadata");
        if (key.kind().namespaced()) {
            json.writeStringField("namespace", key.namespace());
        }
        json.writeStringField("name", key.name());
    }

    private void labels(String name, Labels labels) throws IOException {
        if (!labels.isEmpty()) {
            json.writeObjectFieldStart(name);
            for (var label : labels.values().entrySet()) {
                json.writeStringField(label.getKey(), label.getValue());
            }
            json.writeEndObject();
        }
    }

    private void node(Node node) throws IOException {
        head("v1", node.key(), node.labels(), node.created());
        json.writeObjectFieldStart("spec");
        list("podCIDRs", node.podCidrs(), this::cidr);
        json.writeEndObject();
        json.writeObjectFieldStart("status");
        list("addresses", node.internalIps(), address -> {
            json.writeStartObject();
            json.writeStringField("type", "InternalIP");
            json.writeStringField("address", address.toString());
            json.writeEndObject();
        });
        json.writeEndObject();
    }

    private void pod(Pod pod) throws IOException {
        beginHead("v1", pod.key());
        labels("labels", pod.labels());
        if (pod.created() != 0) {
            json.writeStringField(
                    "creationTimestamp", Instant.ofEpochSecond(pod.created()).toString());
        }
        if (pod.deleting()) {
            // When matters to nobody.
            json.writeStringField("deletionTimestamp", Instant.EPOCH.toString());
        }
        json.writeEndObject();
        json.writeObjectFieldStart("spec");
        if (pod.nodeName().isPresent()) {
            json.writeStringField("nodeName", pod.nodeName().get());
        }
        if (pod.hostNetwork()) {
            json.writeBooleanField("hostNetwork", true);
        }
        if (!pod.ports().isEmpty()) {
            json.writeArrayFieldStart("containers");
            json.writeStartObject();
            list("ports", pod.ports(), port -> {
                json.writeStartObject();
                json.writeStringField("name", port.name());
                json.writeStringField("protocol", port.protocol().name());
                json.writeNumberField("containerPort", port.port());
                json.writeEndObject();
            });
            json.writeEndObject();
            json.writeEndArray();
        }
        json.writeEndObject();
        json.writeObjectFieldStart("status");
        json.writeStringField("phase", pod.phase().title());
        list("podIPs", pod.ips(), this::podIp);
        json.writeEndObject();
    }

    private void podIp(IpAddress ip) throws IOException {
        json.writeStartObject();
        json.writeStringField("ip", ip.toString());
        json.writeEndObject();
    }

    private void networkPolicy(NetworkPolicy policy) throws IOException {
        beginHead("networking.k8s.io/v1", policy.key());
        list(UNREADABLE, policy.unreadable(), json::writeString);
        json.writeEndObject();
        json.writeObjectFieldStart("spec");
        selector("podSelector", Optional.of(policy.podSelector()));
        list("policyTypes", policy.types(), type -> json.writeString(type.title()));
        list("ingress", policy.ingress(), rule -> rule(rule, "from"));
        list("egress", policy.egress(), rule -> rule(rule, "to"));
        json.writeEndObject();
    }

    private void rule(Rule rule, String peers) throws IOException {
        json.writeStartObject();
        list(peers, rule.peers(), this::peer);
        list("ports", rule.ports(), this::portRule);
        json.writeEndObject();
    }

    private void peer(Peer peer) throws IOException {
        json.writeStartObject();
        switch (peer) {
            case SelectedPods selected -> {
                selector("namespaceSelector", selected.namespaces());
                selector("podSelector", selected.pods());
            }
            case Nobody _ -> {
                // What is read as one again: a peer of no kind.
            }
            case IpBlock block -> {
                json.writeObjectFieldStart("ipBlock");
                json.writeStringField("cidr", block.cidr().toString());
                list("except", block.except(), this::cidr);
                json.writeEndObject();
            }
        }
        json.writeEndObject();
    }

    private void cidr(Cidr cidr) throws IOException {
        json.writeString(cidr.toString());
    }

    private void portRule(PortRule rule) throws IOException {
        json.writeStartObject();
        json.writeStringField("protocol", rule.protocol().name());
        switch (rule.port()) {
            case AnyPort _ -> {}
            case PortName name -> json.writeStringField("port", name.name());
            case PortNumbers numbers -> {
                json.writeNumberField("port", numbers.first());
                if (numbers.last() != numbers.first()) {
                    json.writeNumberField("endPort", numbers.last());
                }
            }
        }
        json.writeEndObject();
    }

    private void selector(String name, Optional<LabelSelector> selector) throws IOException {
        if (selector.isPresent()) {
            json.writeObjectFieldStart(name);
            labels("matchLabels", selector.get().matchLabels());
            list("matchExpressions", selector.get().matchExpressions(), this::requirement);
            json.writeEndObject();
        }
    }

    private void requirement(Requirement requirement) throws IOException {
        json.writeStartObject();
        json.writeStringField("key", requirement.key());
        json.writeStringField("operator", requirement.operator().title());
        list("values", requirement.values(), json::writeString);
        json.writeEndObject();
    }
}
