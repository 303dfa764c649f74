package dev.ikat.cni;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.ikat.model.IpFamily;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** Writes results and errors as the version that was asked for has them (section 5 "Result Types"). */
final class CniWriter {
    @FunctionalInterface
    private interface Body {
        void write(JsonGenerator json) throws IOException;
    }

    private CniWriter() {}

    private static byte[] object(Body body) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        try (JsonGenerator json = Json.FACTORY.createGenerator(bytes)) {
            json.writeStartObject();
            body.write(json);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write JSON to memory", e);
        }
        return bytes.toByteArray();
    }

    static byte[] error(CniVersion version, CniException error) {
        return object(json -> {
            json.writeStringField("cniVersion", version.toString());
            json.writeNumberField("code", error.error().code());
            json.writeStringField("msg", String.valueOf(error.getMessage()));
            if (!error.details().isEmpty()) {
                json.writeStringField("details", error.details());
            }
        });
    }

    static byte[] versions(String cniVersion) {
        return object(json -> {
            json.writeStringField("cniVersion", cniVersion);
            strings(json, "supportedVersions", CniVersion.supported());
        });
    }

    static byte[] result(CniVersion version, CniResult result) {
        return object(json -> {
            json.writeStringField("cniVersion", version.toString());
            json.writeArrayFieldStart("interfaces");
            for (CniResult.Interface link : result.interfaces()) {
                writeInterface(json, version, link);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("ips");
            for (CniResult.Ip ip : result.ips()) {
                writeIp(json, version, ip);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("routes");
            for (CniResult.RouteEntry route : result.routes()) {
                json.writeStartObject();
                json.writeStringField("dst", route.destination().toString());
                if (route.gateway().isPresent()) {
                    json.writeStringField("gw", route.gateway().get().toString());
                }
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeObjectFieldStart("dns");
            writeDns(json, result.dns());
            json.writeEndObject();
        });
    }

    private static void writeInterface(JsonGenerator json, CniVersion version, CniResult.Interface link)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("name", link.name());
        if (link.mac().isPresent()) {
            json.writeStringField("mac", link.mac().get());
        }
        if (version.isAtLeast(CniVersion.V1_1_0) && link.mtu().isPresent()) {
            json.writeNumberField("mtu", link.mtu().get());
        }
        if (link.sandbox().isPresent()) {
            json.writeStringField("sandbox", link.sandbox().get());
        }
        json.writeEndObject();
    }

    private static void writeIp(JsonGenerator json, CniVersion version, CniResult.Ip ip) throws IOException {
        json.writeStartObject();
        if (!version.isAtLeast(CniVersion.V1_0_0)) {
            json.writeStringField("version", ip.address().address().family() == IpFamily.IPV4 ? "4" : "6");
        }
        if (ip.interfaceIndex().isPresent()) {
            json.writeNumberField("interface", ip.interfaceIndex().get());
        }
        json.writeStringField("address", ip.address().toString());
        if (ip.gateway().isPresent()) {
            json.writeStringField("gateway", ip.gateway().get().toString());
        }
        json.writeEndObject();
    }

    private static void writeDns(JsonGenerator json, CniResult.Dns dns) throws IOException {
        if (!dns.nameservers().isEmpty()) {
            strings(json, "nameservers", dns.nameservers());
        }
        if (dns.domain().isPresent()) {
            json.writeStringField("domain", dns.domain().get());
        }
        if (!dns.search().isEmpty()) {
            strings(json, "search", dns.search());
        }
        if (!dns.options().isEmpty()) {
            strings(json, "options", dns.options());
        }
    }

    private static void strings(JsonGenerator json, String name, List<String> values) throws IOException {
        json.writeArrayFieldStart(name);
        for (String value : values) {
            json.writeString(value);
        }
        json.writeEndArray();
    }
}
