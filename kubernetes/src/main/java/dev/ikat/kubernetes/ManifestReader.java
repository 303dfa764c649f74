package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.InvalidObjectException;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
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

    /**
     * Something that can't be read as it should be.
     *
     * @param faults what is wrong
     * @param policy if it is a policy, as much of it as can be read, such that it fails closed; empty otherwise, and if
     *     it can't be said which policy it is
     * @param place where it begins
     */
    record Refused(List<ManifestFault> faults, Optional<NetworkPolicy> policy, YamlValue place) implements Reading {}

    /** Something without effect of which people should know. */
    record Doubtful(ManifestFault warning) implements Reading {}

    /** A kind of object that the node's network does not depend on. */
    record Ignored(String kind) implements Reading {}

    /** What a document has in it: one object, or all of a list. What is wrong with it is in the readings. */
    static List<Reading> read(YamlValue document) {
        List<Reading> readings = new ArrayList<>();
        Faults faults = new Faults();
        Optional<String> version =
                faults.attempt(() -> document.require("apiVersion").text());
        Optional<String> kind = faults.attempt(() -> document.require("kind").text());
        if (version.isEmpty() || kind.isEmpty()) {
            return List.of(new Refused(faults.all(), Optional.empty(), document));
        }
        read(document, DocumentKind.of(version.get(), kind.get()), version.get() + " " + kind.get(), readings);
        return readings;
    }

    private static void read(YamlValue document, DocumentKind kind, String title, List<Reading> readings) {
        switch (kind) {
            case DocumentKind.One(ObjectKind one) -> readings.add(one(document, one));
            case DocumentKind.ListOf(Optional<ObjectKind> all) -> list(document, all, readings);
            case DocumentKind.Mistaken(DocumentKind meant, String reason) ->
                mistaken(document, meant, reason, readings);
            case DocumentKind.Namesake(String reason) -> readings.add(new Doubtful(document.fault(reason)));
            case DocumentKind.Other() -> readings.add(new Ignored(title));
        }
    }

    private static void list(YamlValue document, Optional<ObjectKind> kind, List<Reading> readings) {
        Faults faults = new Faults();
        for (YamlValue element :
                faults.attempt(() -> document.elements("items")).orElse(List.of())) {
            YamlValue item = element.asTop();
            if (kind.isPresent() && faults.attempt(() -> item.get("kind")).equals(Optional.of(Optional.empty()))) {
                // The API server leaves it out where the list says it.
                readings.add(one(item, kind.get()));
            } else {
                readings.addAll(read(item));
            }
        }
        if (!faults.none()) {
            readings.add(new Refused(faults.all(), Optional.empty(), document));
        }
    }

    /** Nothing of it is taken for what it says, but what may be a policy isolates what that would. */
    private static void mistaken(YamlValue document, DocumentKind meant, String reason, List<Reading> readings) {
        List<YamlValue> policies = switch (meant) {
            case DocumentKind.One(ObjectKind kind) when kind == ObjectKind.NETWORK_POLICY -> List.of(document);
            case DocumentKind.ListOf(Optional<ObjectKind> kind)
            when kind.equals(Optional.of(ObjectKind.NETWORK_POLICY)) ->
                new Faults()
                        .attempt(() -> document.elements("items")).orElse(List.of()).stream()
                                .map(YamlValue::asTop)
                                .toList();
            default -> List.of();
        };
        ManifestFault fault = document.fault(reason);
        if (policies.isEmpty()) {
            List<ManifestFault> faults = meant instanceof DocumentKind.One(ObjectKind kind)
                    ? named(List.of(fault), document, kind)
                    : List.of(fault);
            readings.add(new Refused(faults, Optional.empty(), document));
        }
        policies.forEach(
                policy -> readings.add(refused(NetworkPolicyReader.read(policy).closed(fault), policy)));
    }

    private static Reading one(YamlValue document, ObjectKind kind) {
        if (kind == ObjectKind.NETWORK_POLICY) {
            NetworkPolicyReader.Reading reading = NetworkPolicyReader.read(document);
            return reading.faults().isEmpty()
                    ? new Read(reading.policy().orElseThrow(), document)
                    : refused(reading, document);
        }
        try {
            return new Read(read(kind, document), document);
        } catch (ManifestFaultException e) {
            return new Refused(named(e.faults(), document, kind), Optional.empty(), document);
        }
    }

    private static Refused refused(NetworkPolicyReader.Reading reading, YamlValue document) {
        return new Refused(named(reading.faults(), document, ObjectKind.NETWORK_POLICY), reading.policy(), document);
    }

    /** The faults in their order in the text, each with the object's name. */
    private static List<ManifestFault> named(List<ManifestFault> faults, YamlValue document, ObjectKind kind) {
        String name = name(document, kind.title());
        Optional<ObjectKey> key = key(document, kind, new Faults());
        return faults.stream()
                .sorted(Comparator.comparingInt(ManifestFault::line).thenComparingInt(ManifestFault::column))
                .map(fault -> new ManifestFault(fault.line(), fault.column(), key, name + ": " + fault.reason()))
                .toList();
    }

    /**
     * What an object of a known kind says.
     *
     * @throws ManifestFaultException if that can't be right, with all that is wrong
     */
    static ClusterObject read(ObjectKind kind, YamlValue object) {
        return switch (kind) {
            case NODE -> node(object);
            case NAMESPACE -> namespace(object);
            case POD -> pod(object);
            case NETWORK_POLICY -> NetworkPolicyReader.networkPolicy(object);
        };
    }

    /** Which object of this kind it is; empty if it has no name that could be one, which is among the faults then. */
    static Optional<ObjectKey> key(YamlValue document, ObjectKind kind, Faults faults) {
        Optional<String> namespace = faults.attempt(() -> {
            if (!kind.namespaced()) {
                refuseNamespace(document, kind);
                return "";
            }
            String text = namespaceOf(document);
            YamlValue metadata = document.require("metadata");
            nameable(metadata.get("namespace").orElse(metadata), () -> new ObjectKey(ObjectKind.NAMESPACE, "", text));
            return text;
        });
        Optional<String> name = faults.attempt(() -> {
            String text = name(document);
            String anywhere = kind.namespaced() ? "default" : "";
            nameable(document.require("metadata").require("name"), () -> new ObjectKey(kind, anywhere, text));
            return text;
        });
        return namespace.isPresent() && name.isPresent()
                ? Optional.of(new ObjectKey(kind, namespace.get(), name.get()))
                : Optional.empty();
    }

    /** Refuses the value where no key can be made of it. */
    private static void nameable(YamlValue value, Supplier<ObjectKey> maker) {
        try {
            ObjectKey _ = maker.get();
        } catch (InvalidObjectException e) {
            throw value.wrong(e.reason());
        }
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
        return holder.get(key).map(ManifestReader::labels).orElse(Labels.NONE);
    }

    private static Labels labels(YamlValue labels) {
        try {
            return labels.make(() -> new Labels(labels.texts()));
        } catch (ManifestFaultException e) {
            // Each that is wrong is said, not only the first.
            Faults faults = new Faults();
            labels.entries()
                    .forEach((key, value) ->
                            faults.check(() -> labels.make(() -> Labels.of(key, value.isNull() ? "" : value.text()))));
            faults.throwIfAny();
            throw e;
        }
    }

    private static Node node(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = key(document, ObjectKind.NODE, faults);
        Optional<Labels> labels = faults.attempt(() -> labels(document.require("metadata"), "labels"));
        Optional<List<Cidr>> podCidrs = faults.attempt(
                () -> document.get("spec").map(ManifestReader::podCidrs).orElse(List.of()));
        Optional<List<IpAddress>> internalIps = faults.attempt(
                () -> document.get("status").map(ManifestReader::internalIps).orElse(List.of()));
        Optional<Optional<Instant>> created = faults.attempt(
                () -> document.require("metadata").get("creationTimestamp").map(ManifestReader::time));
        String name = key.map(ObjectKey::name).orElse("unnamed");
        Optional<Node> node = faults.attempt(() -> document.make(() -> new Node(
                name,
                labels.orElse(Labels.NONE),
                podCidrs.orElse(List.of()),
                internalIps.orElse(List.of()),
                created.orElse(Optional.empty()))));
        if (node.isEmpty()) {
            // The blocks may have hidden the addresses.
            faults.check(() -> document.make(
                    () -> new Node(name, Labels.NONE, List.of(), internalIps.orElse(List.of()), Optional.empty())));
        }
        faults.throwIfAny();
        return node.orElseThrow();
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
        Faults faults = new Faults();
        Optional<ObjectKey> key = key(document, ObjectKind.NAMESPACE, faults);
        Optional<Labels> labels = faults.attempt(() -> labels(document.require("metadata"), "labels"));
        faults.throwIfAny();
        return document.make(() -> new Namespace(key.orElseThrow().name(), labels.orElseThrow()));
    }

    private static Pod pod(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = key(document, ObjectKind.POD, faults);
        Optional<YamlValue> metadata = faults.attempt(() -> document.require("metadata"));
        Optional<YamlValue> spec = faults.attempt(() -> document.get("spec")).flatMap(found -> found);
        Optional<YamlValue> status =
                faults.attempt(() -> document.get("status")).flatMap(found -> found);
        Labels labels = faults.attempt(
                        () -> metadata.map(holder -> labels(holder, "labels")).orElse(Labels.NONE))
                .orElse(Labels.NONE);
        Optional<String> nodeName = faults.attempt(
                        () -> spec.flatMap(value -> value.get("nodeName")).flatMap(ManifestReader::nodeName))
                .flatMap(found -> found);
        boolean hostNetwork = faults.attempt(() -> spec.flatMap(value -> value.get("hostNetwork"))
                        .map(YamlValue::truth)
                        .orElse(false))
                .orElse(false);
        List<Pod.NamedPort> ports = faults.attempt(
                        () -> spec.map(ManifestReader::namedPorts).orElse(List.of()))
                .orElse(List.of());
        List<IpAddress> ips = faults.attempt(
                        () -> status.map(ManifestReader::podIps).orElse(List.of()))
                .orElse(List.of());
        Pod.Phase phase = faults.attempt(() -> status.flatMap(value -> value.get("phase"))
                        .map(value -> choice(value, Pod.Phase.values(), Pod.Phase::title))
                        .orElse(Pod.Phase.PENDING))
                .orElse(Pod.Phase.PENDING);
        long created = faults.attempt(() -> metadata.flatMap(holder -> second(holder, "creationTimestamp"))
                        .orElse(0L))
                .orElse(0L);
        boolean deleting = faults.attempt(() -> metadata.flatMap(holder -> second(holder, "deletionTimestamp"))
                        .isPresent())
                .orElse(false);
        String namespace = key.map(ObjectKey::namespace).orElse("default");
        String name = key.map(ObjectKey::name).orElse("unnamed");
        Optional<Pod> pod = faults.attempt(() -> document.make(
                () -> new Pod(namespace, name, labels, nodeName, ips, hostNetwork, phase, ports, created, deleting)));
        faults.throwIfAny();
        return pod.orElseThrow();
    }

    /** A time of an object's metadata, in seconds since 1970; empty if it is not there. */
    private static Optional<Long> second(YamlValue metadata, String key) {
        return metadata.get(key).map(value -> time(value).getEpochSecond());
    }

    private static Optional<String> nodeName(YamlValue value) {
        String name = value.text();
        if (name.isEmpty()) {
            return Optional.empty();
        }
        nameable(value, () -> new ObjectKey(ObjectKind.NODE, "", name));
        return Optional.of(name);
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
