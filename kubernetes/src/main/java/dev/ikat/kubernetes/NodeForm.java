package dev.ikat.kubernetes;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Nodes of core/v1. */
final class NodeForm implements ObjectForm<Node> {
    static final ApiKind<Node> KIND = ApiKind.of(
            ObjectKind.NODE,
            Node.class,
            "v1",
            "nodes",
            new NodeForm(),
            "metadata.labels",
            "metadata.deletionTimestamp",
            "spec.podCIDR",
            "spec.podCIDRs",
            "spec.taints.key",
            "status.addresses.type",
            "status.addresses.address",
            "status.conditions.type",
            "status.conditions.status");

    /** The condition that a node is ready, and its value then. */
    private static final String READY = "Ready";

    private static final String TRUE = "True";

    @Override
    public Reading<Node> read(YamlValue object) {
        return Reading.of(() -> node(object));
    }

    private static Node node(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.NODE, faults);
        Optional<Labels> labels = faults.attempt(() -> ObjectFields.labels(document.require("metadata"), "labels"));
        Optional<List<Cidr>> podCidrs = faults.attempt(
                () -> document.get("spec").map(NodeForm::podCidrs).orElse(List.of()));
        Optional<List<IpAddress>> internalIps = faults.attempt(
                () -> document.get("status").map(NodeForm::internalIps).orElse(List.of()));
        Optional<Optional<Instant>> created = faults.attempt(() -> ObjectFields.created(document.require("metadata")));
        Optional<Boolean> leaving = faults.attempt(() -> isLeaving(document));
        boolean ready = isReady(document);
        String name = key.map(ObjectKey::name).orElse("unnamed");
        Optional<Node> node = faults.attempt(() -> document.make(() -> new Node(
                name,
                labels.orElse(Labels.NONE),
                podCidrs.orElse(List.of()),
                internalIps.orElse(List.of()),
                created.orElse(Optional.empty()),
                leaving.orElse(false),
                ready)));
        if (node.isEmpty()) {
            // The blocks may have hidden the addresses.
            faults.check(
                    () -> document.make(() -> new Node(name, Labels.NONE, List.of(), internalIps.orElse(List.of()))));
        }
        faults.throwIfAny();
        return node.orElseThrow();
    }

    private static boolean isLeaving(YamlValue document) {
        return document.require("metadata").get("deletionTimestamp").isPresent()
                || document.get("spec")
                        .map(spec -> spec.list(
                                "taints", taint -> taint.require("key").text()))
                        .orElse(List.of())
                        .contains(Node.LEAVING_TAINT);
    }

    private static boolean isReady(YamlValue document) {
        try {
            return document.get("status")
                    .filter(status ->
                            status.list("conditions", NodeForm::saysReady).contains(true))
                    .isPresent();
        } catch (ManifestFaultException e) {
            // A node whose conditions nobody can read has addresses and blocks all the same.
            return false;
        }
    }

    private static boolean saysReady(YamlValue condition) {
        return condition.require("type").text().equals(READY)
                && condition.require("status").text().equals(TRUE);
    }

    private static List<Cidr> podCidrs(YamlValue spec) {
        List<Cidr> all = spec.list("podCIDRs", value -> value.make(() -> Cidr.parse(value.text())));
        Optional<YamlValue> field =
                spec.get("podCIDR").filter(value -> !value.text().isEmpty());
        if (field.isEmpty()) {
            return all;
        }
        YamlValue one = field.get();
        Cidr first = one.make(() -> Cidr.parse(one.text()));
        if (!all.isEmpty() && !all.getFirst().equals(first)) {
            throw one.wrong(first + " is not the first of spec.podCIDRs, " + all.getFirst());
        }
        return all.isEmpty() ? List.of(first) : all;
    }

    private static List<IpAddress> internalIps(YamlValue status) {
        return status
                .list("addresses", entry -> {
                    if (!entry.require("type").text().equals("InternalIP")) {
                        return Optional.<IpAddress>empty();
                    }
                    return Optional.of(ObjectFields.address(entry.require("address")));
                })
                .stream()
                .flatMap(Optional::stream)
                .toList();
    }

    @Override
    public void write(ManifestWriter out, Node node) throws IOException {
        out.metadata(node.key(), () -> {
            out.created(node.created());
            out.labels("labels", node.labels());
        });
        out.object("spec", () -> {
            out.list("podCIDRs", node.podCidrs(), out::value);
            out.list(
                    "taints",
                    node.leaving() ? List.of(Node.LEAVING_TAINT) : List.<String>of(),
                    taint -> out.object(() -> out.field("key", taint)));
        });
        out.object("status", () -> {
            out.list(
                    "addresses",
                    node.internalIps(),
                    address -> out.object(() -> {
                        out.field("type", "InternalIP");
                        out.field("address", address.toString());
                    }));
            out.list(
                    "conditions",
                    node.ready() ? List.of(READY) : List.<String>of(),
                    type -> out.object(() -> {
                        out.field("type", type);
                        out.field("status", TRUE);
                    }));
        });
    }
}
