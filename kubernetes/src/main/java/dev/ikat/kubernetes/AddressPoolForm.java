package dev.ikat.kubernetes;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** AddressPools of ikat.dev/v1alpha1. A field that it does not know is a fault. */
final class AddressPoolForm implements ObjectForm<AddressPool> {
    /** The condition that says whether a pool is in force. */
    static final String CONDITION = "Accepted";

    static final ApiKind<AddressPool> KIND = ApiKind.of(
                    ObjectKind.ADDRESS_POOL,
                    AddressPool.class,
                    "v1alpha1",
                    "addresspools",
                    new AddressPoolForm(),
                    ReportedFields.GENERATION,
                    "spec",
                    ReportedFields.CONDITIONS)
            .optional();

    @Override
    public Reading<AddressPool> read(YamlValue object) {
        return Reading.of(() -> pool(object));
    }

    private static AddressPool pool(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.ADDRESS_POOL, faults);
        Optional<Instant> created = faults.attempt(() -> ObjectFields.created(document.require("metadata")))
                .flatMap(found -> found);
        Optional<AddressPool> pool = faults.attempt(() -> document.require("spec"))
                .flatMap(spec -> {
                    faults.check(
                            () -> spec.allowOnly("addresses", "autoAssign", "serviceSelector", "namespaceSelector"));
                    Optional<List<AddressBlock>> addresses = faults.attempt(() ->
                            spec.list("addresses", value -> value.make(() -> AddressBlock.parse(value.text()))));
                    Optional<Boolean> autoAssign = faults.attempt(
                            () -> spec.get("autoAssign").map(YamlValue::truth).orElse(true));
                    Optional<LabelSelector> services = selector(spec, "serviceSelector", faults);
                    Optional<LabelSelector> namespaces = selector(spec, "namespaceSelector", faults);
                    if (!faults.none()) {
                        return Optional.empty();
                    }
                    return faults.attempt(() -> document.make(() -> new AddressPool(
                            key.orElseThrow().name(),
                            addresses.orElseThrow(),
                            autoAssign.orElseThrow(),
                            services.orElseThrow(),
                            namespaces.orElseThrow(),
                            created,
                            ReportedFields.read(document, CONDITION))));
                });
        faults.throwIfAny();
        return pool.orElseThrow();
    }

    private static Optional<LabelSelector> selector(YamlValue spec, String name, Faults faults) {
        return faults.attempt(() -> SelectorFields.read(spec, name).orElse(LabelSelector.EVERYTHING));
    }

    @Override
    public void write(ManifestWriter out, AddressPool pool) throws IOException {
        out.metadata(pool.key(), () -> {
            out.created(pool.created());
            ReportedFields.generation(out, pool.reported());
        });
        out.object("spec", () -> {
            out.list("addresses", pool.addresses(), out::value);
            out.field("autoAssign", pool.autoAssign());
            SelectorFields.write(out, "serviceSelector", Optional.of(pool.serviceSelector()));
            SelectorFields.write(out, "namespaceSelector", Optional.of(pool.namespaceSelector()));
        });
        ReportedFields.status(out, pool.reported());
    }
}
