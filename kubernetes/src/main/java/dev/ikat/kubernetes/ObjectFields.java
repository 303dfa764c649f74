package dev.ikat.kubernetes;

import dev.ikat.cluster.InvalidObjectException;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Reads the fields that objects of several kinds have: their metadata, and values of types that recur. */
final class ObjectFields {
    private ObjectFields() {}

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
    static void nameable(YamlValue value, Supplier<ObjectKey> maker) {
        try {
            ObjectKey _ = maker.get();
        } catch (InvalidObjectException e) {
            throw value.wrong(e.reason());
        }
    }

    /** As much of the object's name as can be read. */
    static String name(YamlValue document, String kind) {
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

    /** When it was created; empty if its metadata do not say. */
    static Optional<Instant> created(YamlValue metadata) {
        return metadata.get("creationTimestamp").map(ObjectFields::time);
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
        return holder.get(key).map(ObjectFields::labels).orElse(Labels.NONE);
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

    /** The version that the API server gave the object; empty if it does not say one. */
    static String resourceVersion(YamlValue document) {
        return new Faults()
                .attempt(() ->
                        document.require("metadata").require("resourceVersion").text())
                .orElse("");
    }

    static Instant time(YamlValue value) {
        try {
            return Instant.parse(value.text());
        } catch (DateTimeParseException e) {
            throw value.wrong("invalid time '" + value.text() + "'; write it as 2026-01-31T12:00:00Z");
        }
    }

    /** A time of an object's metadata, in seconds since 1970; empty if it is not there. */
    static Optional<Long> second(YamlValue metadata, String key) {
        return metadata.get(key).map(value -> time(value).getEpochSecond());
    }

    static IpAddress address(YamlValue value) {
        return value.make(() -> IpAddress.parse(value.text()));
    }

    /** A block; host bits count as zero, as for the API server, which accepts them. */
    static Cidr block(YamlValue value) {
        return value.make(() -> InterfaceAddress.parse(value.text()).cidr());
    }

    /** The protocol of a port, which is TCP where nothing is said. */
    static Protocol protocol(YamlValue port) {
        return port.get("protocol")
                .map(value -> choice(value, Protocol.values(), Protocol::name))
                .orElse(Protocol.TCP);
    }

    /** The same, or empty for a protocol that is not known. */
    static Optional<Protocol> knownProtocol(YamlValue port) {
        String text = port.get("protocol").map(YamlValue::text).orElse(Protocol.TCP.name());
        return Arrays.stream(Protocol.values())
                .filter(protocol -> protocol.name().equals(text))
                .findFirst();
    }

    /** The one of the choices whose title the value is. */
    static <T> T choice(YamlValue value, T[] choices, Function<T, String> title) {
        String text = value.text();
        for (T choice : choices) {
            if (title.apply(choice).equals(text)) {
                return choice;
            }
        }
        throw value.wrong("invalid value '" + text + "'; it has to be one of "
                + Arrays.stream(choices).map(title).collect(Collectors.joining(", ")));
    }
}
