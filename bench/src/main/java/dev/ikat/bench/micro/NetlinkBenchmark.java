package dev.ikat.bench.micro;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteMessage;
import dev.ikat.netlink.wire.MessageReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Rtnetlink messages, without a socket: what an ADD sends into a pod, and what a look at 110 pods' routes receives. */
@State(Scope.Benchmark)
public class NetlinkBenchmark {
    private static final int ROUTES = 110;
    private static final int LINK = 2;
    private static final MacAddress HOST_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");
    private static final IpAddress GATEWAY_V4 = IpAddress.parse("169.254.1.1");
    private static final IpAddress GATEWAY_V6 = IpAddress.parse("fe80::1");
    private static final InterfaceAddress V4 = InterfaceAddress.host(IpAddress.parse("10.244.1.7"));
    private static final InterfaceAddress V6 = InterfaceAddress.host(IpAddress.parse("fd00:10:244:1::7"));

    private final ByteBuffer dump = ByteBuffer.allocateDirect(1 << 15).order(ByteOrder.nativeOrder());

    /** A kernel's answer has the same messages as the requests that make the routes. */
    @Setup
    public void write() {
        for (int i = 1; i <= ROUTES; i++) {
            dump.put(Requests.add(Route.to(Cidr.host(IpAddress.parse("10.244.1." + i)))
                            .link(i))
                    .bytes());
        }
        if (routes().size() != ROUTES) {
            throw new IllegalStateException("routes are missing");
        }
    }

    @Benchmark
    @Row("ADD: the seven requests that configure the pod are written")
    public List<Request> podBatch() {
        return List.of(
                Requests.change(LinkChange.of(LINK).up()),
                Requests.add(Address.of(LINK, V4)),
                Requests.add(Address.of(LINK, V6).flags(Address.NODAD)),
                Requests.add(Neighbour.permanent(LINK, GATEWAY_V4, HOST_MAC)),
                Requests.add(Neighbour.permanent(LINK, GATEWAY_V6, HOST_MAC)),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV4)).link(LINK).viaOnlink(GATEWAY_V4)),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV6)).link(LINK).via(GATEWAY_V6)));
    }

    @Benchmark
    @Row("a dump of 110 routes is read")
    public List<Route> routes() {
        List<Route> routes = new ArrayList<>();
        MessageReader message = new MessageReader(dump, dump.position());
        while (message.next()) {
            RouteMessage.read(message).ifPresent(routes::add);
        }
        return routes;
    }
}
