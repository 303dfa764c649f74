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
import dev.ikat.testbed.host.NamespacePool;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./dev bench wiring}: the wiring of a pod by the agent's own netlink, step by step, and how long links take to
 * delete, one at a time and as a group.
 */
@Command(
        name = "wiring",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Where the time of wiring a pod goes, step by step, and of deleting links one by one and together.",
            "Makes the same kernel calls as an ADD, without launcher, leases and policies. Prints "
                    + "medians in microseconds, and",
            "in parentheses the 90th percentile."
        })
final class WiringBench implements Callable<Integer> {
    private static final MacAddress HOST_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");
    private static final MacAddress POD_MAC = MacAddress.parse("0e:6b:0a:01:00:05");
    private static final IpAddress GATEWAY_V4 = IpAddress.parse("169.254.1.1");
    private static final IpAddress GATEWAY_V6 = IpAddress.parse("fe80::1");
    private static final InterfaceName POD_LINK = new InterfaceName("eth0");
    private static final int GROUP = 77;
    /** The first rounds are cold. */
    private static final int WARM_UP = 3;

    private static final String[] STEPS = {
        "open namespace and socket",
        "create the links and set them up",
        "look up",
        "configure the pod, one batch",
        "configure the host, one batch",
        "close"
    };

    @Option(
            names = "--pods",
            paramLabel = "N",
            description = "pods in each round (default: ${DEFAULT-VALUE})",
            defaultValue = "50")
    private int pods;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "measured rounds (default: ${DEFAULT-VALUE})",
            defaultValue = "5")
    private int rounds;

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);
    private final List<Samples> steps =
            Arrays.stream(STEPS).map(_ -> new Samples()).toList();
    private final Samples all = new Samples();
    private final Samples deletedSingly = new Samples();
    private final Samples deletedTogether = new Samples();

    private WiringBench() {}

    @Override
    public Integer call() {
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace network = NetworkNamespace.open(test.path());
                Rtnetlink host = Rtnetlink.open(network);
                NamespacePool pool = new NamespacePool(pods)) {
            for (int round = 0; round < WARM_UP + rounds; round++) {
                if (round == WARM_UP) {
                    steps.forEach(Samples::clear);
                    List.of(all, deletedSingly, deletedTogether).forEach(Samples::clear);
                }
                round(host, pool);
                terminal.line(terminal.faint("  wiring, round %d of %d".formatted(round + 1, WARM_UP + rounds)));
            }
        }
        for (int step = 0; step < STEPS.length; step++) {
            note(STEPS[step], steps.get(step));
        }
        note("in all", all);
        table.note(
                "a link is deleted with others",
                deletedTogether.show("%.0f", false),
                "one at a time",
                deletedSingly.show("%.0f", false),
                OptionalDouble.of(deletedTogether.dividedBy(deletedSingly).median()));
        terminal.heading("one pod by netlink, µs: kernel %s".formatted(System.getProperty("os.version")));
        table.print();
        return 0;
    }

    private void note(String measure, Samples samples) {
        table.note(measure, samples.show("%.1f", false));
    }

    private void round(Rtnetlink host, NamespacePool pool) {
        for (int i = 0; i < pods; i++) {
            wire(host, pool.get(i), i);
        }
        int single = Math.max(1, pods / 5);
        long start = System.nanoTime();
        for (int i = 0; i < single; i++) {
            host.execute(Requests.deleteLink(new InterfaceName("ik" + i)));
        }
        deletedSingly.add((System.nanoTime() - start) / 1e3 / single);
        start = System.nanoTime();
        host.execute(Requests.deleteLinkGroup(GROUP));
        deletedTogether.add((System.nanoTime() - start) / 1e3 / Math.max(1, pods - single));
    }

    private void wire(Rtnetlink host, TestNamespace namespace, int pod) {
        InterfaceName hostLink = new InterfaceName("ik" + pod);
        IpAddress v4 = IpAddress.parse("10.1.0.0").plus(pod + 1);
        IpAddress v6 = IpAddress.parse("fd00:1::").plus(pod + 1);
        long[] at = new long[STEPS.length + 1];
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
        for (int step = 0; step < STEPS.length; step++) {
            steps.get(step).add((at[step + 1] - at[step]) / 1e3);
        }
        all.add((at[STEPS.length] - at[0]) / 1e3);
    }
}
