package dev.ikat.bench.micro;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.cni.CniMessages;
import dev.ikat.cni.CniResult;
import dev.ikat.cni.CniVersion;
import dev.ikat.cni.NetworkConfig;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The JSON of one ADD. The data binder that it is compared with does less: it neither validates values nor names an
 * invalid field.
 */
@State(Scope.Benchmark)
public class CniMessageBenchmark {
    private static final byte[] CONFIG = """
            {"cniVersion": "1.1.0", "name": "ikat", "type": "ikat", "capabilities": {"ips": true},
             "ipam": {"ranges": [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:10:244:1::/64"}]]},
             "dns": {"nameservers": ["10.96.0.10"], "search": ["shop.svc.cluster.local", "svc.cluster.local"]},
             "runtimeConfig": {"ips": ["10.244.1.7/32", "fd00:10:244:1::7/128"]}}
            """.getBytes(UTF_8);

    private static final CniResult RESULT = new CniResult(
            List.of(
                    new CniResult.Interface(
                            "ik0123456789a", Optional.of("ee:ee:ee:ee:ee:ee"), Optional.of(1450), Optional.empty()),
                    new CniResult.Interface(
                            "eth0",
                            Optional.of("0e:6b:0a:f4:01:07"),
                            Optional.of(1450),
                            Optional.of("/run/netns/cni-6b1d0a5e-9f0e-4a57-8f0c-2f4c3c1f3f10"))),
            List.of(
                    new CniResult.Ip(
                            InterfaceAddress.parse("10.244.1.7/32"),
                            Optional.of(IpAddress.parse("169.254.1.1")),
                            Optional.of(1)),
                    new CniResult.Ip(
                            InterfaceAddress.parse("fd00:10:244:1::7/128"),
                            Optional.of(IpAddress.parse("fe80::1")),
                            Optional.of(1))),
            List.of(
                    new CniResult.RouteEntry(Cidr.parse("0.0.0.0/0"), Optional.of(IpAddress.parse("169.254.1.1"))),
                    new CniResult.RouteEntry(Cidr.parse("::/0"), Optional.of(IpAddress.parse("fe80::1")))),
            CniResult.Dns.NONE);

    private final ObjectMapper binder = new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    /** A network configuration as a data binder has it. */
    record Config(String cniVersion, String name, String type, Ipam ipam, Dns dns, RuntimeConfig runtimeConfig) {}

    record Ipam(List<List<Range>> ranges) {}

    record Range(String subnet) {}

    record Dns(List<String> nameservers, List<String> search) {}

    record RuntimeConfig(List<String> ips) {}

    /** A result as a data binder has it. */
    record Result(
            String cniVersion,
            List<Interface> interfaces,
            List<Ip> ips,
            List<RouteEntry> routes,
            Map<String, String> dns) {
        static Result of(CniResult result) {
            return new Result(
                    CniVersion.NEWEST.toString(),
                    result.interfaces().stream()
                            .map(link -> new Interface(
                                    link.name(),
                                    link.mac().orElse(null),
                                    link.mtu().orElse(null),
                                    link.sandbox().orElse(null)))
                            .toList(),
                    result.ips().stream()
                            .map(ip -> new Ip(
                                    ip.interfaceIndex().orElse(null),
                                    ip.address().toString(),
                                    ip.gateway().map(IpAddress::toString).orElse(null)))
                            .toList(),
                    result.routes().stream()
                            .map(route -> new RouteEntry(
                                    route.destination().toString(),
                                    route.gateway().map(IpAddress::toString).orElse(null)))
                            .toList(),
                    Map.of());
        }
    }

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Interface(
            String name,
            @Nullable String mac,
            @Nullable Integer mtu,
            @Nullable String sandbox) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Ip(
            @Nullable @JsonProperty("interface") Integer index,
            String address,
            @Nullable String gateway) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record RouteEntry(String dst, @Nullable String gw) {}

    /** Both must read and write the same. */
    @Setup
    public void compare() throws IOException {
        if (!read().name().value().equals(readBound().name())) {
            throw new IllegalStateException("the configuration is read differently");
        }
        if (!binder.readTree(write()).equals(binder.readTree(writeBound()))) {
            throw new IllegalStateException(
                    "results differ: " + new String(write(), UTF_8) + " and " + new String(writeBound(), UTF_8));
        }
    }

    @Benchmark
    @Row(value = "ADD: its configuration is read and validated", beside = "Jackson databind", peer = "readBound")
    public NetworkConfig read() {
        return CniMessages.read(CONFIG);
    }

    @Benchmark
    public Config readBound() throws IOException {
        return binder.readValue(CONFIG, Config.class);
    }

    @Benchmark
    @Row(value = "ADD: its result is written", beside = "Jackson databind", peer = "writeBound")
    public byte[] write() {
        return CniMessages.write(CniVersion.NEWEST, RESULT);
    }

    @Benchmark
    public byte[] writeBound() throws IOException {
        return binder.writeValueAsBytes(Result.of(RESULT));
    }
}
