package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.External;
import dev.ikat.cluster.Service.Ingress;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Services of core/v1. */
final class ServiceForm implements ObjectForm<Service> {
    static final ApiKind<Service> KIND = ApiKind.of(
            ObjectKind.SERVICE,
            Service.class,
            "v1",
            "services",
            new ServiceForm(),
            "metadata.labels",
            "metadata.annotations",
            "spec.type",
            "spec.clusterIP",
            "spec.clusterIPs",
            "spec.ports",
            "spec.externalIPs",
            "spec.loadBalancerSourceRanges",
            "spec.sessionAffinity",
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            "spec.externalTrafficPolicy",
            "spec.internalTrafficPolicy",
            "spec.healthCheckNodePort",
            "status.loadBalancer.ingress.ip",
            "status.loadBalancer.ingress.ipMode");

    /** What a service without an address says in its place. */
    private static final String NO_ADDRESS = "None";

    /** Before there was a field for them. */
    private static final String SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges";

    private static final String CLIENT_IP = "ClientIP";

    @Override
    public Reading<Service> read(YamlValue object) {
        return Reading.of(() -> service(object));
    }

    private static Service service(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.SERVICE, faults);
        Optional<YamlValue> metadata = faults.attempt(() -> document.require("metadata"));
        Optional<YamlValue> spec = faults.attempt(() -> document.get("spec")).flatMap(found -> found);
        Service.Type type = faults.attempt(() -> kind(spec, "type", Service.Type.values(), Service.Type::title))
                .orElse(Service.Type.CLUSTER_IP);
        List<IpAddress> clusterIps = faults.attempt(
                        () -> spec.map(ServiceForm::clusterIps).orElse(List.of()))
                .orElse(List.of());
        List<Service.Port> ports = faults.attempt(
                        () -> spec.map(ServiceForm::ports).orElse(List.of()))
                .orElse(List.of());
        External external =
                faults.attempt(() -> external(document, metadata, spec, type)).orElse(External.NONE);
        TrafficPolicy internal =
                faults.attempt(() -> policy(spec, "internalTrafficPolicy")).orElse(TrafficPolicy.CLUSTER);
        Optional<Duration> affinity =
                faults.attempt(() -> spec.flatMap(ServiceForm::affinity)).flatMap(found -> found);
        boolean leftToOthers = faults.attempt(
                        () -> metadata.map(ServiceForm::isLeftToOthers).orElse(false))
                .orElse(false);
        Optional<Instant> created =
                faults.attempt(() -> metadata.flatMap(ObjectFields::created)).flatMap(found -> found);
        String namespace = key.map(ObjectKey::namespace).orElse("default");
        String name = key.map(ObjectKey::name).orElse("unnamed");
        Optional<Service> service = faults.attempt(() -> document.make(() -> new Service(
                namespace, name, type, clusterIps, ports, external, internal, affinity, leftToOthers, created)));
        faults.throwIfAny();
        return service.orElseThrow();
    }

    /** One of the titles; the first if nothing is said, or what a later version of the API may say. */
    private static <T> T kind(Optional<YamlValue> holder, String field, T[] choices, Function<T, String> title) {
        Optional<String> text = holder.flatMap(value -> value.get(field)).map(YamlValue::text);
        return Arrays.stream(choices)
                .filter(choice -> text.equals(Optional.of(title.apply(choice))))
                .findFirst()
                .orElse(choices[0]);
    }

    private static TrafficPolicy policy(Optional<YamlValue> spec, String field) {
        return kind(spec, field, TrafficPolicy.values(), TrafficPolicy::title);
    }

    private static List<IpAddress> clusterIps(YamlValue spec) {
        List<YamlValue> all = new ArrayList<>(spec.elements("clusterIPs"));
        if (all.isEmpty()) {
            spec.get("clusterIP").ifPresent(all::add);
        }
        List<IpAddress> ips = new ArrayList<>();
        for (YamlValue value : all) {
            if (!value.text().isEmpty() && !value.text().equals(NO_ADDRESS)) {
                ips.add(ObjectFields.address(value));
            }
        }
        return ips;
    }

    private static List<Service.Port> ports(YamlValue spec) {
        return spec
                .list("ports", port -> {
                    // Nobody can send packets of a protocol that Kubernetes does not know yet.
                    return ObjectFields.knownProtocol(port).map(protocol -> port(port, protocol));
                })
                .stream()
                .flatMap(Optional::stream)
                .toList();
    }

    private static Service.Port port(YamlValue port, Protocol protocol) {
        String name = port.get("name").map(YamlValue::text).orElse("");
        int number = port.require("port").number();
        int nodePort = port.get("nodePort").map(YamlValue::number).orElse(0);
        return port.make(() -> new Service.Port(name, protocol, number, nodePort));
    }

    private static External external(
            YamlValue document, Optional<YamlValue> metadata, Optional<YamlValue> spec, Service.Type type) {
        List<IpAddress> ips = spec.map(holder -> holder.list("externalIPs", ObjectFields::address))
                .orElse(List.of());
        List<Ingress> ingress = document.get("status")
                .flatMap(status -> status.get("loadBalancer"))
                .map(ServiceForm::ingress)
                .orElse(List.of());
        List<Cidr> ranges = spec.map(holder -> holder.list("loadBalancerSourceRanges", ServiceForm::range))
                .orElse(List.of());
        if (ranges.isEmpty() && type == Service.Type.LOAD_BALANCER) {
            ranges = metadata.flatMap(holder -> holder.get("annotations"))
                    .flatMap(annotations -> annotations.get(SOURCE_RANGES))
                    .map(ServiceForm::ranges)
                    .orElse(List.of());
        }
        List<Cidr> sourceRanges = ranges;
        int healthCheckNodePort = spec.flatMap(holder -> holder.get("healthCheckNodePort"))
                .map(YamlValue::number)
                .orElse(0);
        TrafficPolicy policy = policy(spec, "externalTrafficPolicy");
        return document.make(() -> new External(policy, ips, ingress, sourceRanges, healthCheckNodePort));
    }

    private static List<Ingress> ingress(YamlValue loadBalancer) {
        return loadBalancer.list("ingress", ServiceForm::ingressPoint).stream()
                .flatMap(Optional::stream)
                .toList();
    }

    /** Empty for one that has a name instead of an address. */
    private static Optional<Ingress> ingressPoint(YamlValue entry) {
        String mode = entry.get("ipMode").map(YamlValue::text).orElse(IpMode.VIP.title());
        return entry.get("ip")
                .filter(value -> !value.text().isEmpty())
                .map(ObjectFields::address)
                .map(ip -> new Ingress(ip, mode.equals(IpMode.VIP.title()) ? IpMode.VIP : IpMode.PROXY));
    }

    private static Cidr range(YamlValue value) {
        return value.make(() -> range(value.text()));
    }

    private static Cidr range(String text) {
        // The API server lets spaces pass, and host bits.
        return InterfaceAddress.parse(text.strip()).cidr();
    }

    private static List<Cidr> ranges(YamlValue annotation) {
        String text = annotation.text();
        return text.isBlank()
                ? List.of()
                : annotation.make(() -> Arrays.stream(text.split(",", -1))
                        .map(ServiceForm::range)
                        .toList());
    }

    private static Optional<Duration> affinity(YamlValue spec) {
        if (!spec.get("sessionAffinity").map(YamlValue::text).equals(Optional.of(CLIENT_IP))) {
            return Optional.empty();
        }
        return Optional.of(spec.get("sessionAffinityConfig")
                .flatMap(config -> config.get("clientIP"))
                .flatMap(client -> client.get("timeoutSeconds"))
                .map(seconds -> Duration.ofSeconds(seconds.number()))
                .orElse(Service.DEFAULT_AFFINITY));
    }

    private static boolean isLeftToOthers(YamlValue metadata) {
        return metadata.get("labels")
                .map(labels -> labels.entries().containsKey(Service.PROXY_NAME_LABEL)
                        || labels.entries().containsKey(Service.HEADLESS_LABEL))
                .orElse(false);
    }

    @Override
    public void write(ManifestWriter out, Service service) throws IOException {
        External external = service.external();
        out.metadata(service.key(), () -> {
            out.created(service.created());
            if (service.leftToOthers()) {
                out.object("labels", () -> out.field(Service.HEADLESS_LABEL, ""));
            }
        });
        out.object("spec", () -> {
            out.field("type", service.type().title());
            out.list("clusterIPs", service.clusterIps(), out::value);
            out.list("ports", service.ports(), port -> out.object(() -> port(out, port)));
            out.field("internalTrafficPolicy", service.internalTrafficPolicy().title());
            out.field("externalTrafficPolicy", external.trafficPolicy().title());
            out.list("externalIPs", external.ips(), out::value);
            out.list("loadBalancerSourceRanges", external.sourceRanges(), out::value);
            if (external.healthCheckNodePort() != 0) {
                out.field("healthCheckNodePort", external.healthCheckNodePort());
            }
            if (service.affinity().isPresent()) {
                affinity(out, service.affinity().get());
            }
        });
        if (!external.ingress().isEmpty()) {
            out.object(
                    "status",
                    () -> out.object(
                            "loadBalancer",
                            () -> out.list(
                                    "ingress",
                                    external.ingress(),
                                    each -> out.object(() -> {
                                        out.field("ip", each.ip().toString());
                                        out.field("ipMode", each.mode().title());
                                    }))));
        }
    }

    private static void port(ManifestWriter out, Service.Port port) throws IOException {
        if (!port.name().isEmpty()) {
            out.field("name", port.name());
        }
        out.field("protocol", port.protocol().name());
        out.field("port", port.port());
        if (port.nodePort() != 0) {
            out.field("nodePort", port.nodePort());
        }
    }

    private static void affinity(ManifestWriter out, Duration timeout) throws IOException {
        out.field("sessionAffinity", CLIENT_IP);
        out.object(
                "sessionAffinityConfig",
                () -> out.object("clientIP", () -> out.field("timeoutSeconds", (int) timeout.toSeconds())));
    }
}
