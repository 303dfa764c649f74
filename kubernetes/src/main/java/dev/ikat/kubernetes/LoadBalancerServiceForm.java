package dev.ikat.kubernetes;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.LoadBalancerService.Port;
import dev.ikat.cluster.LoadBalancerService.Traffic;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Services of core/v1 as whoever gives them addresses reads them: by what they want and what they have. What of its
 * wishes can't be read is part of the object, because the service has to be told.
 */
final class LoadBalancerServiceForm implements ObjectForm<LoadBalancerService> {
    static final ApiKind<LoadBalancerService> KIND = ApiKind.of(
                    ObjectKind.SERVICE,
                    LoadBalancerService.class,
                    "v1",
                    "services",
                    new LoadBalancerServiceForm(),
                    "metadata.labels",
                    "metadata.annotations",
                    "metadata.deletionTimestamp",
                    "metadata.uid",
                    "spec.type",
                    "spec.loadBalancerClass",
                    "spec.loadBalancerIP",
                    "spec.clusterIPs",
                    "spec.ipFamilies",
                    "spec.ipFamilyPolicy",
                    "spec.ports",
                    "spec.externalTrafficPolicy",
                    "spec.selector",
                    "status.loadBalancer.ingress.ip")
            .keepingVersion(LoadBalancerService::at);

    private static final String REQUIRE_ALL = "RequireDualStack";

    @Override
    public Reading<LoadBalancerService> read(YamlValue object) {
        return Reading.of(() -> service(object));
    }

    private static LoadBalancerService service(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.SERVICE, faults);
        Optional<YamlValue> metadata = faults.attempt(() -> document.require("metadata"));
        Optional<YamlValue> spec = faults.attempt(() -> document.get("spec")).flatMap(found -> found);
        Labels labels = faults.attempt(() -> metadata.map(holder -> ObjectFields.labels(holder, "labels"))
                        .orElse(Labels.NONE))
                .orElse(Labels.NONE);
        Map<String, String> annotations = faults.attempt(() -> metadata.flatMap(holder -> holder.get("annotations"))
                        .map(YamlValue::texts)
                        .orElse(Map.of()))
                .orElse(Map.of());
        Optional<Demand> demand = faults.attempt(() -> spec.filter(LoadBalancerServiceForm::isLoadBalancer)
                        .filter(_ -> metadata.flatMap(holder -> holder.get("deletionTimestamp"))
                                .isEmpty())
                        .map(holder -> demand(holder, annotations)))
                .flatMap(found -> found);
        Optional<Traffic> traffic = faults.attempt(() -> traffic(spec, annotations));
        List<IpAddress> ingress = faults.attempt(() -> document.get("status")
                        .flatMap(status -> status.get("loadBalancer"))
                        .map(LoadBalancerServiceForm::ingress)
                        .orElse(List.of()))
                .orElse(List.of());
        Optional<Instant> created =
                faults.attempt(() -> metadata.flatMap(ObjectFields::created)).flatMap(found -> found);
        faults.throwIfAny();
        return document.make(() -> new LoadBalancerService(
                key.orElseThrow().namespace(),
                key.orElseThrow().name(),
                labels,
                demand,
                traffic.orElseThrow(),
                ingress,
                created,
                metadata.flatMap(holder -> text(holder, "uid")).orElse(""),
                ""));
    }

    private static boolean isLoadBalancer(YamlValue spec) {
        return text(spec, "type").equals(Optional.of(Service.Type.LOAD_BALANCER.title()));
    }

    private static Demand demand(YamlValue spec, Map<String, String> annotations) {
        List<IpFamily> families = families(spec);
        List<String> wrong = new ArrayList<>();
        List<IpAddress> addresses = new ArrayList<>();
        String wanted = annotations.getOrDefault(LoadBalancerService.ADDRESSES, "");
        String field = "metadata.annotations[" + LoadBalancerService.ADDRESSES + "]";
        if (wanted.isBlank()) {
            wanted = text(spec, "loadBalancerIP").orElse("");
            field = "spec.loadBalancerIP";
        }
        if (!wanted.isBlank()) {
            try {
                for (String each : wanted.split(",", -1)) {
                    addresses.add(IpAddress.parse(each.strip()));
                }
                refuse(families, addresses).ifPresent(wrong::add);
            } catch (IllegalArgumentException e) {
                wrong.add(e.getMessage() + "; write addresses with commas between them");
            }
        }
        String named = field;
        Optional<String> pool =
                Optional.ofNullable(annotations.get(LoadBalancerService.POOL)).filter(name -> !name.isBlank());
        return spec.make(() -> new Demand(
                text(spec, "loadBalancerClass"),
                families,
                text(spec, "ipFamilyPolicy").equals(Optional.of(REQUIRE_ALL)),
                wrong.isEmpty() ? addresses : List.of(),
                pool,
                wrong.stream().map(reason -> named + ": " + reason).findFirst()));
    }

    private static Optional<String> refuse(List<IpFamily> families, List<IpAddress> addresses) {
        for (IpFamily family : IpFamily.values()) {
            long count = addresses.stream()
                    .filter(address -> address.family() == family)
                    .count();
            if (count > 1) {
                return Optional.of("has more than one " + family.title() + " address");
            }
            if (count == 1 && !families.contains(family)) {
                return Optional.of(
                        "has an " + family.title() + " address, but spec.ipFamilies has no " + family.title());
            }
        }
        return Optional.empty();
    }

    /** As the API server has set them; where it did not, that of its cluster IP. */
    private static List<IpFamily> families(YamlValue spec) {
        Set<IpFamily> families = new LinkedHashSet<>(
                spec.list("ipFamilies", value -> ObjectFields.choice(value, IpFamily.values(), IpFamily::title)));
        if (families.isEmpty()) {
            for (YamlValue ip : spec.elements("clusterIPs")) {
                families.add(ip.text().indexOf(':') < 0 ? IpFamily.IPV4 : IpFamily.IPV6);
            }
        }
        return families.isEmpty() ? List.of(IpFamily.IPV4) : List.copyOf(families);
    }

    private static Optional<String> text(YamlValue holder, String field) {
        return holder.get(field).map(YamlValue::text).filter(text -> !text.isEmpty());
    }

    private static Traffic traffic(Optional<YamlValue> spec, Map<String, String> annotations) {
        Set<Port> ports =
                spec.map(holder -> holder.list("ports", LoadBalancerServiceForm::port)).orElse(List.of()).stream()
                        .flatMap(Optional::stream)
                        .collect(Collectors.toSet());
        Labels selector =
                spec.map(holder -> ObjectFields.labels(holder, "selector")).orElse(Labels.NONE);
        boolean local = spec.flatMap(holder -> text(holder, "externalTrafficPolicy"))
                .equals(Optional.of(Service.TrafficPolicy.LOCAL.title()));
        Optional<String> key = Optional.ofNullable(annotations.get(LoadBalancerService.SHARING_KEY))
                .filter(text -> !text.isBlank());
        return new Traffic(key, ports, local, selector);
    }

    private static Optional<Port> port(YamlValue port) {
        return ObjectFields.knownProtocol(port).map(protocol -> {
            int number = port.require("port").number();
            return port.make(() -> new Port(protocol, number));
        });
    }

    /** Those that have an address, and not a name. */
    private static List<IpAddress> ingress(YamlValue loadBalancer) {
        return loadBalancer.list("ingress", entry -> entry.get("ip")).stream()
                .flatMap(Optional::stream)
                .filter(value -> !value.text().isEmpty())
                .map(ObjectFields::address)
                .toList();
    }

    @Override
    public void write(ManifestWriter out, LoadBalancerService service) throws IOException {
        Traffic traffic = service.traffic();
        out.metadata(service.key(), () -> {
            out.created(service.created());
            if (!service.uid().isEmpty()) {
                out.field("uid", service.uid());
            }
            out.labels("labels", service.labels());
            Map<String, String> annotations = annotations(service);
            if (!annotations.isEmpty()) {
                out.object("annotations", () -> {
                    for (Map.Entry<String, String> each : annotations.entrySet()) {
                        out.field(each.getKey(), each.getValue());
                    }
                });
            }
        });
        out.object("spec", () -> {
            out.field(
                    "type",
                    (service.demand().isPresent() ? Service.Type.LOAD_BALANCER : Service.Type.CLUSTER_IP).title());
            if (service.demand().isPresent()) {
                demand(out, service.demand().get());
            }
            out.list(
                    "ports",
                    traffic.ports().stream()
                            .map(port -> Map.entry(port.protocol(), port.number()))
                            .sorted(Map.Entry.<Protocol, Integer>comparingByKey()
                                    .thenComparing(Map.Entry.comparingByValue()))
                            .toList(),
                    port -> out.object(() -> {
                        out.field("protocol", port.getKey().name());
                        out.field("port", port.getValue());
                    }));
            if (traffic.localOnly()) {
                out.field("externalTrafficPolicy", Service.TrafficPolicy.LOCAL.title());
            }
            out.labels("selector", traffic.selector());
        });
        if (!service.ingress().isEmpty()) {
            out.object(
                    "status",
                    () -> out.object(
                            "loadBalancer",
                            () -> out.list(
                                    "ingress",
                                    service.ingress(),
                                    ip -> out.object(() -> out.field("ip", ip.toString())))));
        }
    }

    private static Map<String, String> annotations(LoadBalancerService service) {
        Map<String, String> annotations = new TreeMap<>();
        service.traffic().sharingKey().ifPresent(key -> annotations.put(LoadBalancerService.SHARING_KEY, key));
        service.demand().ifPresent(demand -> {
            demand.pool().ifPresent(pool -> annotations.put(LoadBalancerService.POOL, pool));
            if (!demand.addresses().isEmpty()) {
                annotations.put(
                        LoadBalancerService.ADDRESSES,
                        demand.addresses().stream().map(IpAddress::toString).collect(Collectors.joining(",")));
            }
        });
        return annotations;
    }

    private static void demand(ManifestWriter out, Demand demand) throws IOException {
        if (demand.loadBalancerClass().isPresent()) {
            out.field("loadBalancerClass", demand.loadBalancerClass().get());
        }
        out.list("ipFamilies", demand.families(), family -> out.value(family.title()));
        if (demand.all()) {
            out.field("ipFamilyPolicy", REQUIRE_ALL);
        }
    }
}
