package dev.ikat.kubernetes;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Pods of core/v1. */
final class PodForm implements ObjectForm<Pod> {
    static final ApiKind<Pod> KIND = ApiKind.of(
                    ObjectKind.POD,
                    Pod.class,
                    "v1",
                    "pods",
                    new PodForm(),
                    "metadata.labels",
                    "metadata.deletionTimestamp",
                    "spec.nodeName",
                    "spec.hostNetwork",
                    "spec.containers.ports",
                    "spec.initContainers.ports",
                    "spec.initContainers.restartPolicy",
                    "status.phase",
                    "status.podIP",
                    "status.podIPs")
            .changingOften();

    @Override
    public Reading<Pod> read(YamlValue object) {
        return Reading.of(() -> pod(object));
    }

    private static Pod pod(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.POD, faults);
        Optional<YamlValue> metadata = faults.attempt(() -> document.require("metadata"));
        Optional<YamlValue> spec = faults.attempt(() -> document.get("spec")).flatMap(found -> found);
        Optional<YamlValue> status =
                faults.attempt(() -> document.get("status")).flatMap(found -> found);
        Labels labels = faults.attempt(() -> metadata.map(holder -> ObjectFields.labels(holder, "labels"))
                        .orElse(Labels.NONE))
                .orElse(Labels.NONE);
        Optional<String> nodeName = faults.attempt(
                        () -> spec.flatMap(value -> value.get("nodeName")).flatMap(PodForm::nodeName))
                .flatMap(found -> found);
        boolean hostNetwork = faults.attempt(() -> spec.flatMap(value -> value.get("hostNetwork"))
                        .map(YamlValue::truth)
                        .orElse(false))
                .orElse(false);
        List<Pod.NamedPort> ports = faults.attempt(
                        () -> spec.map(PodForm::namedPorts).orElse(List.of()))
                .orElse(List.of());
        List<IpAddress> ips = faults.attempt(() -> status.map(PodForm::podIps).orElse(List.of()))
                .orElse(List.of());
        Pod.Phase phase = faults.attempt(() -> status.flatMap(value -> value.get("phase"))
                        .map(value -> ObjectFields.choice(value, Pod.Phase.values(), Pod.Phase::title))
                        .orElse(Pod.Phase.PENDING))
                .orElse(Pod.Phase.PENDING);
        long created = faults.attempt(() -> metadata.flatMap(holder -> ObjectFields.second(holder, "creationTimestamp"))
                        .orElse(0L))
                .orElse(0L);
        boolean deleting = faults.attempt(
                        () -> metadata.flatMap(holder -> ObjectFields.second(holder, "deletionTimestamp"))
                                .isPresent())
                .orElse(false);
        String namespace = key.map(ObjectKey::namespace).orElse("default");
        String name = key.map(ObjectKey::name).orElse("unnamed");
        Optional<Pod> pod = faults.attempt(() -> document.make(
                () -> new Pod(namespace, name, labels, nodeName, ips, hostNetwork, phase, ports, created, deleting)));
        faults.throwIfAny();
        return pod.orElseThrow();
    }

    private static Optional<String> nodeName(YamlValue value) {
        String name = value.text();
        if (name.isEmpty()) {
            return Optional.empty();
        }
        ObjectFields.nameable(value, () -> new ObjectKey(ObjectKind.NODE, "", name));
        return Optional.of(name);
    }

    private static List<Pod.NamedPort> namedPorts(YamlValue spec) {
        List<Pod.NamedPort> containers = spec.list("containers", PodForm::containerPorts).stream()
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
            Protocol protocol = ObjectFields.protocol(port);
            return Optional.of(port.make(() -> new Pod.NamedPort(name.get(), protocol, number)));
        });
        return ports.stream().flatMap(Optional::stream).toList();
    }

    private static List<IpAddress> podIps(YamlValue status) {
        List<IpAddress> all =
                new ArrayList<>(status.list("podIPs", entry -> ObjectFields.address(entry.require("ip"))));
        Optional<YamlValue> one =
                status.get("podIP").filter(value -> !value.text().isEmpty());
        if (all.isEmpty() && one.isPresent()) {
            all.add(ObjectFields.address(one.get()));
        }
        return all;
    }

    @Override
    public void write(ManifestWriter out, Pod pod) throws IOException {
        out.metadata(pod.key(), () -> {
            out.labels("labels", pod.labels());
            if (pod.created() != 0) {
                out.created(Optional.of(Instant.ofEpochSecond(pod.created())));
            }
            if (pod.deleting()) {
                // When matters to nobody.
                out.field("deletionTimestamp", Instant.EPOCH.toString());
            }
        });
        out.object("spec", () -> {
            if (pod.nodeName().isPresent()) {
                out.field("nodeName", pod.nodeName().get());
            }
            if (pod.hostNetwork()) {
                out.field("hostNetwork", true);
            }
            if (!pod.ports().isEmpty()) {
                out.list("containers", List.of(pod.ports()), ports -> out.object(() -> ports(out, ports)));
            }
        });
        out.object("status", () -> {
            out.field("phase", pod.phase().title());
            out.list("podIPs", pod.ips(), ip -> out.object(() -> out.field("ip", ip.toString())));
        });
    }

    private static void ports(ManifestWriter out, List<Pod.NamedPort> ports) throws IOException {
        out.list(
                "ports",
                ports,
                port -> out.object(() -> {
                    out.field("name", port.name());
                    out.field("protocol", port.protocol().name());
                    out.field("containerPort", port.port());
                }));
    }

    @Override
    public Pod share(Pod pod, Interner.Parts parts) {
        return new Pod(
                parts.one(pod.namespace()),
                pod.name(),
                parts.labels(pod.labels()),
                pod.nodeName().map(parts::one).flatMap(name -> parts.one(Optional.of(name))),
                pod.ips(),
                pod.hostNetwork(),
                pod.phase(),
                pod.ports().isEmpty() ? List.of() : parts.one(pod.ports()),
                pod.created(),
                pod.deleting());
    }
}
