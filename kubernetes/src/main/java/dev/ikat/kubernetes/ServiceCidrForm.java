package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.model.Cidr;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** ServiceCIDRs of networking.k8s.io/v1, which Kubernetes has since 1.33, and in v1beta1 since 1.31. */
final class ServiceCidrForm implements ObjectForm<ServiceCidr> {
    static final ApiKind<ServiceCidr> KIND = ApiKind.of(
                    ObjectKind.SERVICE_CIDR,
                    ServiceCidr.class,
                    "v1",
                    "servicecidrs",
                    new ServiceCidrForm(),
                    "spec.cidrs")
            .orEarlier("v1beta1")
            .optional();

    @Override
    public Reading<ServiceCidr> read(YamlValue object) {
        return Reading.of(() -> {
            Faults faults = new Faults();
            Optional<ObjectKey> key = ObjectFields.key(object, ObjectKind.SERVICE_CIDR, faults);
            Optional<List<Cidr>> cidrs = faults.attempt(() ->
                    object.require("spec").list("cidrs", value -> value.make(() -> Cidr.parse(value.text()))));
            faults.throwIfAny();
            return object.make(() -> new ServiceCidr(key.orElseThrow().name(), cidrs.orElseThrow()));
        });
    }

    @Override
    public void write(ManifestWriter out, ServiceCidr object) throws IOException {
        out.metadata(object.key(), () -> {});
        out.object("spec", () -> out.list("cidrs", object.cidrs(), out::value));
    }
}
