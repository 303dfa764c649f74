package dev.ikat.kubernetes;

import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.EndpointSlice.Hints;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Service;
import dev.ikat.model.IpFamily;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** EndpointSlices of discovery.k8s.io/v1; Kubernetes 1.20 has them in v1beta1 only, which names nodes elsewhere. */
final class EndpointSliceForm implements ObjectForm<EndpointSlice> {
    static final ApiKind<EndpointSlice> KIND = ApiKind.of(
                    ObjectKind.ENDPOINT_SLICE,
                    EndpointSlice.class,
                    "v1",
                    "endpointslices",
                    new EndpointSliceForm(),
                    "metadata.labels",
                    "addressType",
                    "ports.name",
                    "ports.protocol",
                    "ports.port",
                    "endpoints.addresses",
                    "endpoints.conditions",
                    "endpoints.nodeName",
                    "endpoints.topology",
                    "endpoints.hints")
            .orEarlier("v1beta1")
            .changingOften();

    /** Where v1beta1 has the name of an endpoint's node. */
    private static final String HOST_NAME = "kubernetes.io/hostname";

    private static final String FOR_ZONES = "forZones";
    private static final String FOR_NODES = "forNodes";

    @Override
    public Reading<EndpointSlice> read(YamlValue object) {
        return Reading.of(() -> slice(object));
    }

    private static EndpointSlice slice(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.ENDPOINT_SLICE, faults);
        String service = faults.attempt(() -> document.require("metadata")
                        .get("labels")
                        .flatMap(labels -> labels.get(EndpointSlice.SERVICE_LABEL))
                        .map(YamlValue::text)
                        .orElse(""))
                .orElse("");
        Optional<IpFamily> family = faults.attempt(
                        () -> family(document.require("addressType").text()))
                .flatMap(found -> found);
        List<EndpointSlice.Port> ports = faults.attempt(() -> document.list("ports", EndpointSliceForm::port).stream()
                        .flatMap(Optional::stream)
                        .toList())
                .orElse(List.of());
        // Of a slice that is left to others there are none here; what else may be an endpoint, has names for addresses.
        List<Endpoint> endpoints = faults.attempt(() -> family.isPresent() && !isLeftToOthers(document)
                        ? document.list("endpoints", EndpointSliceForm::endpoint)
                        : List.<Endpoint>of())
                .orElse(List.of());
        String namespace = key.map(ObjectKey::namespace).orElse("default");
        String name = key.map(ObjectKey::name).orElse("unnamed");
        Optional<EndpointSlice> slice = faults.attempt(
                () -> document.make(() -> new EndpointSlice(namespace, name, service, family, ports, endpoints)));
        faults.throwIfAny();
        return slice.orElseThrow();
    }

    private static boolean isLeftToOthers(YamlValue document) {
        return document.require("metadata")
                .get("labels")
                .map(labels -> labels.entries().containsKey(Service.HEADLESS_LABEL))
                .orElse(false);
    }

    private static Optional<IpFamily> family(String addressType) {
        return Arrays.stream(IpFamily.values())
                .filter(family -> family.title().equals(addressType))
                .findFirst();
    }

    /** Empty for one without a number or of an unknown protocol. */
    private static Optional<EndpointSlice.Port> port(YamlValue port) {
        int number = port.get("port").map(YamlValue::number).orElse(0);
        String name = port.get("name").map(YamlValue::text).orElse("");
        return number == 0
                ? Optional.empty()
                : ObjectFields.knownProtocol(port)
                        .map(protocol -> port.make(() -> new EndpointSlice.Port(name, protocol, number)));
    }

    private static Endpoint endpoint(YamlValue endpoint) {
        List<YamlValue> addresses = endpoint.elements("addresses");
        if (addresses.isEmpty()) {
            throw endpoint.wrong("an endpoint needs an address");
        }
        Optional<String> node = endpoint.get("nodeName")
                .or(() -> endpoint.get("topology").flatMap(topology -> topology.get(HOST_NAME)))
                .map(YamlValue::text)
                .filter(name -> !name.isEmpty());
        Hints hints = endpoint.get("hints")
                .map(value -> new Hints(names(value, FOR_ZONES), names(value, FOR_NODES)))
                .orElse(Hints.NONE);
        Condition condition =
                endpoint.get("conditions").map(EndpointSliceForm::condition).orElse(Condition.READY);
        return endpoint.make(() -> new Endpoint(ObjectFields.address(addresses.getFirst()), condition, node, hints));
    }

    private static Set<String> names(YamlValue hints, String field) {
        return hints.list(field, hint -> hint.require("name").text()).stream().collect(Collectors.toSet());
    }

    /** An endpoint is ready and serves unless it says otherwise, and terminates only if it says so. */
    private static Condition condition(YamlValue conditions) {
        if (conditions.get("ready").map(YamlValue::truth).orElse(true)) {
            return Condition.READY;
        }
        boolean drains = conditions.get("serving").map(YamlValue::truth).orElse(true)
                && conditions.get("terminating").map(YamlValue::truth).orElse(false);
        return drains ? Condition.DRAINING : Condition.UNAVAILABLE;
    }

    @Override
    public void write(ManifestWriter out, EndpointSlice slice) throws IOException {
        out.metadata(slice.key(), () -> {
            if (!slice.service().isEmpty()) {
                out.object("labels", () -> out.field(EndpointSlice.SERVICE_LABEL, slice.service()));
            }
        });
        out.field("addressType", slice.family().map(IpFamily::title).orElse("FQDN"));
        out.list(
                "ports",
                slice.ports(),
                port -> out.object(() -> {
                    out.field("name", port.name());
                    out.field("protocol", port.protocol().name());
                    out.field("port", port.port());
                }));
        out.list("endpoints", slice.endpoints(), endpoint -> out.object(() -> endpoint(out, endpoint)));
    }

    private static void endpoint(ManifestWriter out, Endpoint endpoint) throws IOException {
        out.list("addresses", List.of(endpoint.address()), out::value);
        switch (endpoint.condition()) {
            case READY -> {
                // As where nothing is said.
            }
            case DRAINING -> conditions(out, true);
            case UNAVAILABLE -> conditions(out, false);
        }
        if (endpoint.node().isPresent()) {
            out.field("nodeName", endpoint.node().get());
        }
        Hints hints = endpoint.hints();
        if (!hints.equals(Hints.NONE)) {
            out.object("hints", () -> {
                names(out, FOR_ZONES, hints.zones());
                names(out, FOR_NODES, hints.nodes());
            });
        }
    }

    private static void conditions(ManifestWriter out, boolean drains) throws IOException {
        out.object("conditions", () -> {
            out.field("ready", false);
            out.field("serving", drains);
            out.field("terminating", drains);
        });
    }

    private static void names(ManifestWriter out, String field, Set<String> names) throws IOException {
        out.list(field, names, name -> out.object(() -> out.field("name", name)));
    }

    @Override
    public EndpointSlice share(EndpointSlice slice, Interner.Parts parts) {
        List<Endpoint> endpoints = slice.endpoints().stream()
                .map(endpoint -> new Endpoint(
                        endpoint.address(),
                        endpoint.condition(),
                        endpoint.node().map(parts::one).flatMap(name -> parts.one(Optional.of(name))),
                        endpoint.hints().equals(Hints.NONE) ? Hints.NONE : parts.one(endpoint.hints())))
                .toList();
        return new EndpointSlice(
                parts.one(slice.namespace()),
                slice.name(),
                slice.service(),
                slice.family(),
                slice.ports().isEmpty() ? List.of() : parts.one(slice.ports()),
                endpoints);
    }
}
