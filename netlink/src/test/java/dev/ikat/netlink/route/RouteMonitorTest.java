package dev.ikat.netlink.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class RouteMonitorTest {
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final TestNamespace test = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());
    private final RouteMonitor monitor = RouteMonitor.open(namespace, EnumSet.allOf(Group.class));
    private final List<Event> unseen = new ArrayList<>();

    @AfterEach
    void close() {
        monitor.close();
        namespace.close();
        test.close();
    }

    @Test
    void linksAreReportedMadeAndDeleted() {
        test.ip("link", "add", "br0", "type", "bridge");
        test.ip("link", "del", "br0");

        Event.LinkEvent made = next(event -> link(event, true, "br0"));
        Event.LinkEvent deleted = next(event -> link(event, false, "br0"));

        assertThat(made.link().index()).isEqualTo(deleted.link().index());
    }

    @Test
    void bridgePortLeavingIsNoDeletedLink() {
        test.ip("link", "add", "br0", "type", "bridge");
        test.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
        test.ip("link", "set", "veth0", "master", "br0");
        test.ip("link", "set", "veth0", "nomaster");
        test.ip("link", "set", "veth0", "up"); // the kernel says nothing about aliases of a link that is down
        test.ip("link", "set", "veth0", "alias", "end");

        List<Event> events = new ArrayList<>();
        Event.LinkEvent last = next(event -> {
            events.add(event);
            return link(event, true, "veth0").filter(e -> e.link().alias().isPresent());
        });

        assertThat(last.link().alias()).contains("end");
        assertThat(events).noneMatch(event -> event instanceof Event.LinkEvent change && !change.present());
    }

    @Test
    void addressesRoutesNeighboursForwardingEntriesAndRulesAreReported() {
        test.ip("link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "8472", "nolearning");
        test.ip("link", "set", "vx0", "up");
        test.ip("addr", "add", "10.1.0.1/24", "dev", "vx0");
        test.ip("route", "add", "10.2.0.0/16", "via", "10.1.0.2");
        test.ip("neigh", "add", "10.1.0.2", "lladdr", "02:00:00:00:00:02", "dev", "vx0");
        test.exec("bridge", "fdb", "append", "02:00:00:00:00:02", "dev", "vx0", "dst", "192.0.2.2");
        test.ip("rule", "add", "priority", "77", "table", "300");

        next(event -> event instanceof Event.AddressEvent address
                        && address.present()
                        && address.address().address().toString().equals("10.1.0.1/24")
                ? Optional.of(event)
                : Optional.empty());
        next(event -> event instanceof Event.RouteEvent route
                        && route.route().destination().toString().equals("10.2.0.0/16")
                ? Optional.of(event)
                : Optional.empty());
        next(event -> event instanceof Event.NeighbourEvent neighbour
                        && neighbour.neighbour().address().toString().equals("10.1.0.2")
                ? Optional.of(event)
                : Optional.empty());
        Event.FdbEvent entry = next(event -> event instanceof Event.FdbEvent fdb ? Optional.of(fdb) : Optional.empty());
        Event.RuleEvent rule =
                next(event -> event instanceof Event.RuleEvent change ? Optional.of(change) : Optional.empty());

        assertThat(entry.entry().destination()).hasToString("Optional[192.0.2.2]");
        assertThat(rule.rule().priority()).isEqualTo(77);
    }

    @Test
    void settingsOfLinksAndOfAllAreReported() {
        test.ip("link", "add", "br0", "type", "bridge");
        test.sysctl("net.ipv4.conf.br0.rp_filter", "1");
        test.sysctl("net.ipv4.conf.br0.proxy_arp", "1");
        test.sysctl("net.ipv6.conf.br0.proxy_ndp", "1");
        test.sysctl("net.ipv4.ip_forward", "1");
        test.sysctl("net.ipv6.conf.all.forwarding", "1");
        test.ip("link", "del", "br0");

        int index = next(event -> settings(event, true, Netconf::isComplete))
                .settings()
                .interfaceIndex();
        Optional<Boolean> on = Optional.of(true);
        next(event -> settings(
                event,
                true,
                change -> change.interfaceIndex() == index
                        && change.reversePathFilter().equals(Optional.of(1))));
        next(event -> settings(
                event,
                true,
                change -> change.family() == IpFamily.IPV4
                        && change.interfaceIndex() == index
                        && change.proxy().equals(on)));
        next(event -> settings(
                event,
                true,
                change -> change.family() == IpFamily.IPV6
                        && change.interfaceIndex() == index
                        && change.proxy().equals(on)));
        for (IpFamily family : IpFamily.values()) {
            next(event -> settings(
                    event,
                    true,
                    change -> change.family() == family
                            && change.interfaceIndex() == Netconf.ALL
                            && change.forwarding().equals(on)));
        }
        next(event -> settings(event, false, gone -> gone.interfaceIndex() == index));
    }

    private static Optional<Event.NetconfEvent> settings(Event event, boolean present, Predicate<Netconf> wanted) {
        return event instanceof Event.NetconfEvent change
                        && change.present() == present
                        && wanted.test(change.settings())
                ? Optional.of(change)
                : Optional.empty();
    }

    @Test
    void lostNotificationsBecomeOneResyncThenNewsAgain() {
        try (Rtnetlink rtnetlink = Rtnetlink.open(namespace);
                RouteMonitor slow = RouteMonitor.openWithBuffer(namespace, Set.of(Group.LINK), 4096)) {
            InterfaceName name = new InterfaceName("br0");
            rtnetlink.execute(
                    Requests.create(BridgeSpec.of(name)),
                    Requests.change(LinkChange.of(name).up()));
            for (int i = 0; i < 50; i++) {
                rtnetlink.execute(Requests.change(LinkChange.of(name).alias("change " + i)));
            }

            List<Event> events = new ArrayList<>(slow.poll(PATIENCE));
            assertThat(events).hasAtLeastOneElementOfType(Event.Resync.class);

            rtnetlink.execute(Requests.change(LinkChange.of(name).alias("after")));
            assertThat(slow.poll(PATIENCE)).singleElement().isInstanceOf(Event.LinkEvent.class);
        }
    }

    @Test
    void pollEndsWhenTheTimeIsOver() {
        List<Event> before = monitor.poll(Duration.ZERO);

        assertThat(before).isEmpty();
        assertThat(monitor.poll(Duration.ofMillis(20))).isEmpty();
    }

    @Test
    void closeEndsPollInAnotherThread() throws Exception {
        CountDownLatch started = new CountDownLatch(1);
        FutureTask<List<Event>> poll = new FutureTask<>(() -> {
            started.countDown();
            return monitor.poll(Duration.ofMinutes(1));
        });
        Thread thread = Thread.ofPlatform().start(poll);
        started.await();

        monitor.close();

        try {
            assertThat(poll.get(10, TimeUnit.SECONDS)).isEmpty();
        } catch (ExecutionException e) {
            // The other thread may not have come as far as to wait.
            assertThat(e).hasCauseInstanceOf(IllegalStateException.class);
        }
        thread.join();
        assertThatThrownBy(() -> monitor.poll(Duration.ZERO)).isInstanceOf(IllegalStateException.class);
    }

    private static Optional<Event.LinkEvent> link(Event event, boolean present, String name) {
        return event instanceof Event.LinkEvent change
                        && change.present() == present
                        && change.link().name().value().equals(name)
                ? Optional.of(change)
                : Optional.empty();
    }

    /** The next event that fits; those before it are dropped. */
    private <T extends Event> T next(Function<Event, Optional<T>> fits) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            while (!unseen.isEmpty()) {
                Optional<T> found = fits.apply(unseen.removeFirst());
                if (found.isPresent()) {
                    return found.get();
                }
            }
            unseen.addAll(monitor.poll(Duration.ofMillis(200)));
        }
        throw new AssertionError("no such event within " + PATIENCE);
    }
}
