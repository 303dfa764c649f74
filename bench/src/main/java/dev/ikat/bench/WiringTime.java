package dev.ikat.bench;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.AddrGenMode;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.netlink.route.VethSpec;
import dev.ikat.testbed.host.TestNamespace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Prints how long the wiring of a pod takes, step by step, and how long links take to delete, one at a time and as a
 * group: {@code java -cp ... dev.ikat.bench.WiringTime [pods]}. The first rounds are cold.
 */
final class WiringTime {
    private static final MacAddress HOST_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");
    private static final MacAddress POD_MAC = MacAddress.parse("0e:6b:0a:01:00:05");
    private static final IpAddress GATEWAY_V4 = IpAddress.parse("169.254.1.1");
    private static final IpAddress GATEWAY_V6 = IpAddress.parse("fe80::1");
    private static final InterfaceName POD_LINK = new InterfaceName("eth0");
    private static final int GROUP = 77;
    private static final int ROUNDS = 8;

    private static final String[] STEPS = {
        "open namespace and socket", "create and set up", "look up", "pod batch", "host batch", "close", "in all"
    };

    private WiringTime() {}

    public static void main(String[] arguments) {
        int pods = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 50;
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace network = NetworkNamespace.open(test.path());
                Rtnetlink host = Rtnetlink.open(network)) {
            List<TestNamespace> namespaces = new ArrayList<>();
            try {
                for (int i = 0; i < pods; i++) {
                    namespaces.add(TestNamespace.create());
                }
                for (int round = 0; round < ROUNDS; round++) {
                    round(host, namespaces, round);
                }
            } finally {
                namespaces.forEach(TestNamespace::close);
            }
        }
    }

    private static void round(Rtnetlink host, List<TestNamespace> namespaces, int round) {
        int pods = namespaces.size();
        long[][] times = new long[STEPS.length][pods];
        for (int i = 0; i < pods; i++) {
            wire(host, namespaces.get(i), i, times);
        }
        int single = pods / 5;
        long start = System.nanoTime();
        for (int i = 0; i < single; i++) {
            host.execute(Requests.deleteLink(new InterfaceName("ik" + i)));
        }
        long singly = (System.nanoTime() - start) / single;
        start = System.nanoTime();
        host.execute(Requests.deleteLinkGroup(GROUP));
        long grouped = System.nanoTime() - start;
        System.out.printf("round %d, %d pods, microseconds: least, median, 90th percentile%n", round, pods);
        for (int step = 0; step < STEPS.length; step++) {
            Arrays.sort(times[step]);
            System.out.printf(
                    "  %-28s %8.1f %8.1f %8.1f%n",
                    STEPS[step], times[step][0] / 1e3, times[step][pods / 2] / 1e3, times[step][pods * 9 / 10] / 1e3);
        }
        System.out.printf("  %-28s %8.1f%n", "delete one", singly / 1e3);
        System.out.printf("  %-28s %8.1f%n", "delete " + (pods - single) + " as a group", grouped / 1e3);
    }

    private static void wire(Rtnetlink host, TestNamespace namespace, int pod, long[][] times) {
        InterfaceName hostLink = new InterfaceName("ik" + pod);
        IpAddress v4 = IpAddress.parse("10.1.0.0").plus(pod + 1);
        IpAddress v6 = IpAddress.parse("fd00:1::").plus(pod + 1);
        long[] at = new long[STEPS.length];
        at[0] = System.nanoTime();
        NetworkNamespace network = NetworkNamespace.open(namespace.path());
        Rtnetlink inside = Rtnetlink.open(network);
        at[1] = System.nanoTime();
        host.execute(
                Requests.create(VethSpec.of(hostLink, POD_LINK)
                        .peerNamespace(network)
                        .mac(HOST_MAC)
                        .peerMac(POD_MAC)
                        .mtu(1450)
                        .group(GROUP)),
                Requests.change(LinkChange.of(hostLink)
                        .alias("ikat:c" + pod + "/eth0")
                        .inet6AddrGenMode(AddrGenMode.NONE)
                        .up()));
        at[2] = System.nanoTime();
        Link link = host.link(hostLink).orElseThrow();
        int hostIndex = link.index();
        int podIndex = link.peerIndex().orElseThrow();
        at[3] = System.nanoTime();
        inside.execute(
                Requests.change(LinkChange.of(podIndex).up()),
                Requests.add(Address.of(podIndex, InterfaceAddress.host(v4))),
                Requests.add(Address.of(podIndex, InterfaceAddress.host(v6)).flags(Address.NODAD)),
                Requests.add(Neighbour.permanent(podIndex, GATEWAY_V4, HOST_MAC)),
                Requests.add(Neighbour.permanent(podIndex, GATEWAY_V6, HOST_MAC)),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV4)).link(podIndex).viaOnlink(GATEWAY_V4)),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV6)).link(podIndex).via(GATEWAY_V6)));
        at[4] = System.nanoTime();
        host.execute(
                Requests.add(Neighbour.permanent(hostIndex, v4, POD_MAC)),
                Requests.add(Neighbour.permanent(hostIndex, v6, POD_MAC)),
                Requests.add(Route.to(Cidr.host(v4)).link(hostIndex)),
                Requests.add(Route.to(Cidr.host(v6)).link(hostIndex)));
        at[5] = System.nanoTime();
        inside.close();
        network.close();
        at[6] = System.nanoTime();
        for (int step = 0; step < at.length - 1; step++) {
            times[step][pod] = at[step + 1] - at[step];
        }
        times[at.length - 1][pod] = at[6] - at[0];
    }
}
