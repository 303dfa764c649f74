package dev.ikat.kubernetes;

import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpCommunity;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.Cidr;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** BgpAdvertisements of ikat.dev/v1alpha1. A field that it does not know is a fault. */
final class BgpAdvertisementForm implements ObjectForm<BgpAdvertisement> {
    static final ApiKind<BgpAdvertisement> KIND = ApiKind.of(
                    ObjectKind.BGP_ADVERTISEMENT,
                    BgpAdvertisement.class,
                    "v1alpha1",
                    "bgpadvertisements",
                    new BgpAdvertisementForm(),
                    ReportedFields.GENERATION,
                    "spec",
                    ReportedFields.CONDITIONS)
            .optional();

    private static final long MOST_PREFERENCE = 0xffff_ffffL;

    @Override
    public Reading<BgpAdvertisement> read(YamlValue object) {
        return Reading.of(() -> advertisement(object));
    }

    private static BgpAdvertisement advertisement(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.BGP_ADVERTISEMENT, faults);
        Optional<BgpAdvertisement> advertisement = faults.attempt(() -> document.require("spec"))
                .flatMap(spec -> {
                    faults.check(() -> spec.allowOnly(
                            "nodeSelector",
                            "peerSelector",
                            "podCidrs",
                            "services",
                            "aggregates",
                            "communities",
                            "localPreference"));
                    Optional<LabelSelector> nodes = selector(spec, "nodeSelector", faults);
                    Optional<LabelSelector> peers = selector(spec, "peerSelector", faults);
                    Optional<Boolean> podCidrs = faults.attempt(
                            () -> spec.get("podCidrs").map(YamlValue::truth).orElse(false));
                    Optional<List<ServiceAddresses>> services = faults.attempt(() -> spec.list(
                            "services",
                            value -> ObjectFields.choice(value, ServiceAddresses.values(), ServiceAddresses::title)));
                    Optional<List<Cidr>> aggregates =
                            faults.attempt(() -> spec.list("aggregates", ObjectFields::block));
                    Optional<List<BgpCommunity>> communities = faults.attempt(() ->
                            spec.list("communities", value -> value.make(() -> BgpCommunity.parse(value.text()))));
                    Optional<Optional<Long>> preference = faults.attempt(
                            () -> spec.get("localPreference").map(value -> value.number(0, MOST_PREFERENCE)));
                    if (!faults.none()) {
                        return Optional.empty();
                    }
                    return faults.attempt(() -> document.make(() -> new BgpAdvertisement(
                            key.orElseThrow().name(),
                            nodes.orElseThrow(),
                            peers.orElseThrow(),
                            podCidrs.orElseThrow(),
                            Set.copyOf(services.orElseThrow()),
                            Set.copyOf(aggregates.orElseThrow()),
                            Set.copyOf(communities.orElseThrow()),
                            preference.orElseThrow(),
                            ReportedFields.read(document, BgpPeerForm.CONDITION))));
                });
        faults.throwIfAny();
        return advertisement.orElseThrow();
    }

    private static Optional<LabelSelector> selector(YamlValue spec, String name, Faults faults) {
        return faults.attempt(() -> SelectorFields.read(spec, name).orElse(LabelSelector.EVERYTHING));
    }

    @Override
    public void write(ManifestWriter out, BgpAdvertisement advertisement) throws IOException {
        out.metadata(advertisement.key(), () -> ReportedFields.generation(out, advertisement.reported()));
        out.object("spec", () -> {
            SelectorFields.write(out, "nodeSelector", Optional.of(advertisement.nodeSelector()));
            SelectorFields.write(out, "peerSelector", Optional.of(advertisement.peerSelector()));
            out.field("podCidrs", advertisement.podCidrs());
            out.list("services", new TreeSet<>(advertisement.services()), service -> out.value(service.title()));
            out.list("aggregates", new TreeSet<>(advertisement.aggregates()), out::value);
            out.list("communities", advertisement.sortedCommunities(), out::value);
            if (advertisement.localPreference().isPresent()) {
                out.field("localPreference", advertisement.localPreference().get());
            }
        });
        ReportedFields.status(out, advertisement.reported());
    }
}
