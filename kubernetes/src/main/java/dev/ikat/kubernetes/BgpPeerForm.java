package dev.ikat.kubernetes;

import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * BgpPeers of ikat.dev/v1alpha1. A field that it does not know is a fault: a misspelt one would open or close
 * something.
 */
final class BgpPeerForm implements ObjectForm<BgpPeer> {
    /** What the condition of a peer or an advertisement is about. */
    static final String CONDITION = "Accepted";

    static final ApiKind<BgpPeer> KIND = ApiKind.of(
                    ObjectKind.BGP_PEER,
                    BgpPeer.class,
                    "v1alpha1",
                    "bgppeers",
                    new BgpPeerForm(),
                    "metadata.labels",
                    ReportedFields.GENERATION,
                    "spec",
                    ReportedFields.CONDITIONS)
            .optional();

    private static final long MOST_AS = 0xffff_ffffL;
    private static final int MOST_PORT = 65_535;
    private static final int MOST_HOPS = 255;

    @Override
    public Reading<BgpPeer> read(YamlValue object) {
        return Reading.of(() -> peer(object));
    }

    private static BgpPeer peer(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.BGP_PEER, faults);
        Optional<Labels> labels = faults.attempt(() -> ObjectFields.labels(document.require("metadata"), "labels"));
        Optional<BgpPeer> peer = faults.attempt(() -> document.require("spec")).flatMap(spec -> {
            faults.check(() -> spec.allowOnly(
                    "nodeSelector",
                    "address",
                    "interface",
                    "port",
                    "as",
                    "localAs",
                    "multihop",
                    "passwordKey",
                    "holdTime",
                    "bfd",
                    "extendedNextHop",
                    "accept"));
            Optional<LabelSelector> nodes = faults.attempt(
                    () -> SelectorFields.read(spec, "nodeSelector").orElse(LabelSelector.EVERYTHING));
            Optional<Neighbour> neighbour = faults.attempt(() -> neighbour(spec));
            Optional<Long> as = faults.attempt(() -> spec.require("as").number(1, MOST_AS));
            Optional<Optional<Long>> localAs =
                    faults.attempt(() -> spec.get("localAs").map(value -> value.number(1, MOST_AS)));
            Optional<OptionalInt> multihop = faults.attempt(() -> spec.get("multihop")
                    .map(value -> OptionalInt.of((int) value.number(1, MOST_HOPS)))
                    .orElse(OptionalInt.empty()));
            Optional<Optional<String>> password =
                    faults.attempt(() -> spec.get("passwordKey").map(YamlValue::text));
            Optional<Duration> hold = faults.attempt(() -> spec.get("holdTime")
                    .map(value -> Duration.ofSeconds(value.number(3, MOST_PORT)))
                    .orElse(BgpPeer.HOLD_TIME));
            Optional<Optional<Bfd>> bfd = faults.attempt(() -> spec.get("bfd").map(BgpPeerForm::bfd));
            Optional<Boolean> extended = faults.attempt(
                    () -> spec.get("extendedNextHop").map(YamlValue::truth).orElse(false));
            Optional<List<PrefixRange>> accept = faults.attempt(() -> spec.list("accept", BgpPeerForm::prefixRange));
            if (!faults.none()) {
                return Optional.empty();
            }
            return faults.attempt(() -> document.make(() -> new BgpPeer(
                    key.orElseThrow().name(),
                    labels.orElseThrow(),
                    nodes.orElseThrow(),
                    neighbour.orElseThrow(),
                    as.orElseThrow(),
                    localAs.orElseThrow(),
                    multihop.orElseThrow(),
                    password.orElseThrow(),
                    hold.orElseThrow(),
                    bfd.orElseThrow(),
                    extended.orElseThrow(),
                    accept.orElseThrow(),
                    ReportedFields.read(document, CONDITION))));
        });
        faults.throwIfAny();
        return peer.orElseThrow();
    }

    private static Neighbour neighbour(YamlValue spec) {
        Optional<IpAddress> address = spec.get("address").map(ObjectFields::address);
        Optional<InterfaceName> link =
                spec.get("interface").map(value -> value.make(() -> new InterfaceName(value.text())));
        int port =
                spec.get("port").map(value -> (int) value.number(1, MOST_PORT)).orElse(BgpPeer.PORT);
        return spec.make(() -> new Neighbour(address, link, port));
    }

    private static Bfd bfd(YamlValue bfd) {
        bfd.allowOnly("interval", "multiplier");
        Duration interval = bfd.get("interval")
                .map(value -> Duration.ofMillis(value.number()))
                .orElse(Bfd.DEFAULT.interval());
        int multiplier = bfd.get("multiplier").map(YamlValue::number).orElse(Bfd.DEFAULT.multiplier());
        return bfd.make(() -> new Bfd(interval, multiplier));
    }

    private static PrefixRange prefixRange(YamlValue range) {
        range.allowOnly("cidr", "minLength", "maxLength");
        Cidr cidr = ObjectFields.block(range.require("cidr"));
        int least = range.get("minLength").map(YamlValue::number).orElse(cidr.prefixLength());
        int most = range.get("maxLength").map(YamlValue::number).orElse(least);
        return range.make(() -> new PrefixRange(cidr, least, most));
    }

    @Override
    public void write(ManifestWriter out, BgpPeer peer) throws IOException {
        out.metadata(peer.key(), () -> {
            out.labels("labels", peer.labels());
            ReportedFields.generation(out, peer.reported());
        });
        out.object("spec", () -> {
            SelectorFields.write(out, "nodeSelector", Optional.of(peer.nodeSelector()));
            Neighbour neighbour = peer.neighbour();
            if (neighbour.address().isPresent()) {
                out.field("address", neighbour.address().get().toString());
            }
            if (neighbour.link().isPresent()) {
                out.field("interface", neighbour.link().get().value());
            }
            out.field("port", neighbour.port());
            out.field("as", peer.as());
            if (peer.localAs().isPresent()) {
                out.field("localAs", peer.localAs().get());
            }
            if (peer.multihop().isPresent()) {
                out.field("multihop", peer.multihop().getAsInt());
            }
            if (peer.passwordKey().isPresent()) {
                out.field("passwordKey", peer.passwordKey().get());
            }
            out.field("holdTime", peer.holdTime().toSeconds());
            if (peer.bfd().isPresent()) {
                Bfd bfd = peer.bfd().get();
                out.object("bfd", () -> {
                    out.field("interval", bfd.interval().toMillis());
                    out.field("multiplier", bfd.multiplier());
                });
            }
            out.field("extendedNextHop", peer.extendedNextHop());
            out.list(
                    "accept",
                    peer.accept(),
                    range -> out.object(() -> {
                        out.field("cidr", range.cidr().toString());
                        out.field("minLength", range.least());
                        out.field("maxLength", range.most());
                    }));
        });
        ReportedFields.status(out, peer.reported());
    }
}
