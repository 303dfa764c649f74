package dev.ikat.agent.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.ClusterObject;
import dev.ikat.policy.Labels;
import dev.ikat.policy.Namespace;
import dev.ikat.policy.Node;
import dev.ikat.policy.ObjectKind;
import dev.ikat.policy.Pod;
import dev.ikat.policy.Protocol;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Turns one YAML document in the form of the Kubernetes API (core/v1, networking.k8s.io/v1) into the objects of the
 * cluster model. What a node's network does not depend on is not looked at.
 */
final class ManifestReader {
    private ManifestReader() {}

    /** What a document says. */
    sealed interface Reading {}

    /** An object and the place where it begins. */
    record Read(ClusterObject object, YamlValue place) implements Reading {}

    /** A kind of object that the node's network does not depend on. */
    record Ignored(String kind) implements Reading {}

    /** What a document has in it: one object, or all of a List. */
    static List<Reading> read(YamlValue document) {
        String version = document.require("apiVersion").text();
        String kind = document.require("kind").text();
        if (version.equals("v1") && kind.equals("List")) {
            return document.list("items", item -> read(item.asTop())).stream()
                    .flatMap(List::stream)
                    .toList();
        }
        Optional<Function<YamlValue, ClusterObject>> reader = reader(version + " " + kind);
        if (reader.isEmpty()) {
            return List.of(new Ignored(version + " " + kind));
        }
        try {
            return List.of(new Read(reader.get().apply(document), document));
        } catch (ManifestFaultException e) {
            String name = name(document, kind);
            throw new ManifestFaultException(e.faults().stream()
                    .map(fault -> new ManifestFault(fault.line(), fault.column(), name + ": " + fault.reason()))
                    .toList());
        }
    }

    private static Optional<Function<YamlValue, ClusterObject>> reader(String versionAndKind) {
        return switch (versionAndKind) {
            case "v1 Node" -> Optional.of(ManifestReader::node);
            case "v1 Namespace" -> Optional.of(ManifestReader::namespace);
            case "v1 Pod" -> Optional.of(ManifestReader::pod);
            case "networking.k8s.io/v1 NetworkPolicy" -> Optional.of(NetworkPolicyReader::networkPolicy);
            default -> Optional.empty();
        };
    }

    /**
     * What an object of a known kind says.
     *
     * @throws ManifestFaultException if that can't be right
     */
    static ClusterObject read(ObjectKind kind, YamlValue object) {
        return switch (kind) {
            case NODE -> node(object);
            case NAMESPACE -> namespace(object);
            case POD -> pod(object);
            case NETWORK_POLICY -> NetworkPolicyReader.networkPolicy(object);
        };
    }

    /** As much of the object's name as can be read. */
    private static String name(YamlValue document, String kind) {
        try {
            YamlValue metadata = document.require("metadata");
            String namespace =
                    metadata.get("namespace").map(value -> value.text() + "/").orElse("");
            return kind + " " + namespace + metadata.require("name").text();
        } catch (ManifestFaultException e) {
            // What is wrong with the name is among the faults that this name is for.
            return kind;
        }
    }

    static String name(YamlValue document) {
        return document.require("metadata").require("name").text();
    }

    /** The namespace of an object of a namespaced kind: without one it is "default", as for kubectl. */
    static String namespaceOf(YamlValue document) {
        return document.require("metadata")
                .get("namespace")
                .map(YamlValue::text)
                .filter(namespace -> !namespace.isEmpty())
                .orElse("default");
    }

    private static void refuseNamespace(YamlValue document, ObjectKind kind) {
        document.require("metadata").get("namespace").ifPresent(namespace -> {
            if (!namespace.text().isEmpty()) {
                throw namespace.wrong("a " + kind.title() + " is in no namespace");
            }
        });
    }

    static Labels labels(YamlValue holder, String key) {
        return holder.get(key)
                .map(labels -> labels.make(() -> new Labels(labels.texts())))
                .orElse(Labels.NONE);
    }

    private static Node node(YamlValue document) {
        refuseNamespace(document, ObjectKind.NODE);
        Labels labels = labels(document.require("metadata"), "labels");
        List<Cidr> podCidrs = document.get("spec").map(ManifestReader::podCidrs).orElse(List.of());
        List<IpAddress> internalIps =
                document.get("status").map(ManifestReader::internalIps).orElse(List.of());
        Optional<Instant> created =
                document.require("metadata").get("creationTimestamp").map(ManifestReader::time);
        return document.make(() -> new Node(name(document), labels, podCidrs, internalIps, created));
    }

    private static Instant time(YamlValue value) {
        try {
            return Instant.parse(value.text());
        } catch (DateTimeParseException e) {
            throw value.wrong("'" + value.text() + "' is no time like 2026-01-31T12:00:00Z");
        }
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
                    return Optional.of(address(entry.require("address")));
                })
                .stream()
                .flatMap(Optional::stream)
                .toList();
    }

    private static IpAddress address(YamlValue value) {
        return value.make(() -> IpAddress.parse(value.text()));
    }

    private static Namespace namespace(YamlValue document) {
        refuseNamespace(document, ObjectKind.NAMESPACE);
        Labels labels = labels(document.require("metadata"), "labels");
        return document.make(() -> new Namespace(name(document), labels));
    }

    private static Pod pod(YamlValue document) {
        Labels labels = labels(document.require("metadata"), "labels");
        Optional<YamlValue> spec = document.get("spec");
        Optional<YamlValue> status = document.get("status");
        Optional<String> nodeName = spec.flatMap(value -> value.get("nodeName"))
                .map(YamlValue::text)
                .filter(node -> !node.isEmpty());
        boolean hostNetwork = spec.flatMap(value -> value.get("hostNetwork"))
                .map(YamlValue::truth)
                .orElse(false);
        List<Pod.NamedPort> ports = spec.map(ManifestReader::namedPorts).orElse(List.of());
        List<IpAddress> ips = status.map(ManifestReader::podIps).orElse(List.of());
        Pod.Phase phase = status.flatMap(value -> value.get("phase"))
                .map(value -> choice(value, Pod.Phase.values(), Pod.Phase::title))
                .orElse(Pod.Phase.PENDING);
        return document.make(
                () -> new Pod(namespaceOf(document), name(document), labels, nodeName, ips, hostNetwork, phase, ports));
    }

    private static List<Pod.NamedPort> namedPorts(YamlValue spec) {
        List<Pod.NamedPort> containers = spec.list("containers", ManifestReader::containerPorts).stream()
                .flatMap(List::stream)
                .toList();
        // An init container that always restarts runs beside the others (a sidecar); the others have ended by then.
        List<Pod.NamedPort> sidecars = spec
                .list(
                        "initContainers",
                        container -> container
                                        .get("restartPolicy")
                                        .map(YamlValue::text)
                                        .equals(Optional.of("Always"))
                                ? containerPorts(container)
                                : List.<Pod.NamedPort>of())
                .stream()
                .flatMap(List::stream)
                .toList();
        return Stream.concat(containers.stream(), sidecars.stream()).toList();
    }

    private static List<Pod.NamedPort> containerPorts(YamlValue container) {
        List<Optional<Pod.NamedPort>> ports = container.list("ports", port -> {
            Optional<String> name = port.get("name").map(YamlValue::text).filter(text -> !text.isEmpty());
            if (name.isEmpty()) {
                return Optional.empty();
            }
            int number = port.require("containerPort").number();
            Protocol protocol = protocol(port);
            return Optional.of(port.make(() -> new Pod.NamedPort(name.get(), protocol, number)));
        });
        return ports.stream().flatMap(Optional::stream).toList();
    }

    private static List<IpAddress> podIps(YamlValue status) {
        List<IpAddress> all = new ArrayList<>(status.list("podIPs", entry -> address(entry.require("ip"))));
        Optional<YamlValue> one =
                status.get("podIP").filter(value -> !value.text().isEmpty());
        if (all.isEmpty() && one.isPresent()) {
            all.add(address(one.get()));
        }
        return all;
    }

    /** The protocol of a port, which is TCP where nothing is said. */
    static Protocol protocol(YamlValue port) {
        return port.get("protocol")
                .map(value -> choice(value, Protocol.values(), Protocol::name))
                .orElse(Protocol.TCP);
    }

    /** The one of the choices whose title the value is. */
    static <T> T choice(YamlValue value, T[] choices, Function<T, String> title) {
        String text = value.text();
        for (T choice : choices) {
            if (title.apply(choice).equals(text)) {
                return choice;
            }
        }
        throw value.wrong(
                "'" + text + "' is none of " + Arrays.stream(choices).map(title).collect(Collectors.joining(", ")));
    }
}
