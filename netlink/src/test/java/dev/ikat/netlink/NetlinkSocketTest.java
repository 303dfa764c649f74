package dev.ikat.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.BridgeSpec;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.LinkMessage;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteMessage;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.netlink.route.VethSpec;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.Libc;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.NetlinkBuffer;
import dev.ikat.netlink.wire.NetlinkSocket;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Batches, failures, dumps under change, answers that are not ours: against the kernel. */
@RequiresRoot
class NetlinkSocketTest {
    private static final int SOCK_RAW = 3;
    private static final InterfaceName BRIDGE = new InterfaceName("br0");

    private final TestNamespace test = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());
    private final Rtnetlink rtnetlink = Rtnetlink.open(namespace);
    private final int bridge = makeBridge();

    private int makeBridge() {
        rtnetlink.execute(
                Requests.create(BridgeSpec.of(BRIDGE)),
                Requests.change(LinkChange.of(BRIDGE).up()));
        return rtnetlink.link(BRIDGE).orElseThrow().index();
    }

    @AfterEach
    void close() {
        rtnetlink.close();
        namespace.close();
        test.close();
    }

    @Test
    void emptyBatchDoesNothing() {
        rtnetlink.execute(List.of());
    }

    @Test
    void batchGoesOnBehindAFailureAndReportsTheFirst() {
        Address first = Address.of(bridge, InterfaceAddress.parse("10.0.0.1/24"));
        Address last = Address.of(bridge, InterfaceAddress.parse("10.0.1.1/24"));

        assertThatThrownBy(() -> rtnetlink.execute(
                        Requests.add(first), Requests.add(first), Requests.deleteLink(4711), Requests.add(last)))
                .isInstanceOfSatisfying(NetlinkException.class, e -> {
                    assertThat(e.errno()).isEqualTo(Errno.EEXIST);
                    assertThat(e.requestIndex()).hasValue(1);
                    assertThat(e.getSuppressed())
                            .singleElement()
                            .satisfies(second -> assertThat(second).hasMessageStartingWith("delete link 4711: ENODEV"));
                })
                .hasMessageStartingWith("add address 10.0.0.1/24 on link " + bridge + ": EEXIST");
        assertThat(rtnetlink.addresses(bridge))
                .extracting(address -> address.address().toString())
                .contains("10.0.0.1/24", "10.0.1.1/24");
    }

    @Test
    void ignoredErrorNumbersAreSuccess() {
        Request add = Requests.add(Address.of(bridge, InterfaceAddress.parse("10.0.0.1/24")));
        rtnetlink.execute(add);

        rtnetlink.execute(add.ignoring(Errno.EEXIST), Requests.deleteLink(4711).ignoring(Errno.ENODEV));

        assertThatThrownBy(() -> rtnetlink.execute(add.ignoring(Errno.ENODEV))).isInstanceOf(NetlinkException.class);
    }

    @Test
    void kernelsOwnWordsAreInTheException() {
        assertThatThrownBy(() ->
                        rtnetlink.execute(Requests.change(LinkChange.of(bridge).mtu(7))))
                .isInstanceOfSatisfying(
                        NetlinkException.class,
                        e -> assertThat(e.extendedAck()).contains("mtu less than device minimum"))
                .hasMessage("change link " + bridge + ": mtu 7: EINVAL (mtu less than device minimum)");
    }

    @Test
    void thousandsOfRequestsAndAsManyFailuresFit() {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            requests.add(Requests.add(
                    Route.to(Cidr.host(IpAddress.parse("10.0.0.0").plus(i))).link(bridge)));
        }
        rtnetlink.execute(requests);
        assertThat(rtnetlink.routes(IpFamily.IPV4, RouteFilter.ALL.protocol(RouteProtocol.IKAT)))
                .hasSize(3000);

        assertThatThrownBy(() -> rtnetlink.execute(requests))
                .isInstanceOfSatisfying(
                        NetlinkException.class,
                        e -> assertThat(e.getSuppressed()).hasSize(2999));
    }

    @Test
    void answersLeftFromAnAbandonedRequestAreSkipped() {
        try (NetlinkSocket socket = namespace.call(NetlinkSocket::open)) {
            byte[] abandoned = Requests.getLink(1).bytes().clone();
            abandoned[8] = 99; // a sequence number that is not under way
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment message = arena.allocateFrom(ValueLayout.JAVA_BYTE, abandoned);
                assertThat(Libc.send(socket.fd(), message, message.byteSize())).isEqualTo(abandoned.length);
                assertThat(Libc.send(socket.fd(), message, message.byteSize())).isEqualTo(abandoned.length);
            }

            assertThat(socket.get(Requests.getLink(bridge), LinkMessage::read)
                            .orElseThrow()
                            .name())
                    .isEqualTo(BRIDGE);
            assertThat(socket.dump(Requests.listLinks(), LinkMessage::read)).hasSize(2);
            assertThat(socket.execute(List.of(Requests.deleteLink(4711)))).hasSize(1);
        }
    }

    @Test
    void acknowledgementOfAnotherProcessIsNotBelieved() throws Throwable {
        try (NetlinkSocket socket = namespace.call(NetlinkSocket::open);
                Arena arena = Arena.ofConfined()) {
            int forger = namespace.call(() -> Libc.socket(AddressFamily.AF_NETLINK, SOCK_RAW, 0));
            try {
                MemorySegment victim = arena.allocate(NetlinkBuffer.SOCKADDR_NL);
                MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, (int) victim.byteSize());
                assertThat(Libc.getsockname(socket.fd(), victim, length)).isZero();
                assertThat(connect(forger, victim)).isZero();
                int port = victim.get(ValueLayout.JAVA_INT, 4);
                // Success of the request that comes first: nlmsghdr, error 0, the request's header.
                MemorySegment forged = arena.allocate(36);
                forged.set(ValueLayout.JAVA_INT, 0, 36);
                forged.set(ValueLayout.JAVA_SHORT, 4, (short) MessageReader.NLMSG_ERROR);
                forged.set(ValueLayout.JAVA_INT, 8, 1);
                forged.set(ValueLayout.JAVA_INT, 12, port);
                assertThat(Libc.send(forger, forged, forged.byteSize())).isEqualTo(36);
            } finally {
                Libc.close(forger);
            }

            assertThat(socket.execute(List.of(Requests.deleteLink(4711))))
                    .singleElement()
                    .extracting(NetlinkSocket.Failure::errno)
                    .isEqualTo(Errno.ENODEV);
        }
    }

    private static int connect(int fd, MemorySegment address) throws Throwable {
        Linker linker = Linker.nativeLinker();
        return (int) linker.downcallHandle(
                        linker.defaultLookup().find("connect").orElseThrow(),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT))
                .invokeExact(fd, address, (int) address.byteSize());
    }

    @Test
    void refusedDumpLeavesTheSocketUsable() {
        try (NetlinkSocket socket = namespace.call(NetlinkSocket::open)) {
            assertThatThrownBy(() -> socket.dump(
                            Requests.listRoutes(IpFamily.IPV4, RouteFilter.ALL.link(4711)), RouteMessage::read))
                    .isInstanceOfSatisfying(
                            NetlinkException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENODEV));

            assertThat(socket.dump(Requests.listLinks(), LinkMessage::read)).hasSize(2);
        }
    }

    @Test
    void parserThatFailsInTheMiddleOfADumpLeavesTheSocketUsable() {
        List<Request> routes = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            routes.add(Requests.add(
                    Route.to(Cidr.host(IpAddress.parse("10.0.0.0").plus(i))).link(bridge)));
        }
        rtnetlink.execute(routes);
        try (NetlinkSocket socket = namespace.call(NetlinkSocket::open)) {
            assertThatThrownBy(() -> socket.dump(Requests.listRoutes(IpFamily.IPV4, RouteFilter.ALL), message -> {
                        throw new MalformedMessageException("of the test");
                    }))
                    .isInstanceOf(MalformedMessageException.class);

            assertThat(socket.dump(Requests.listLinks(), LinkMessage::read)).hasSize(2);
        }
    }

    @Test
    void listsAreCompleteWhileLinksComeAndGo() throws InterruptedException {
        List<Request> pairs = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            pairs.add(Requests.create(VethSpec.of(new InterfaceName("a" + i), new InterfaceName("b" + i))
                    .queues(1)));
        }
        rtnetlink.execute(pairs);
        AtomicBoolean enough = new AtomicBoolean();
        Thread churn = Thread.ofPlatform().start(() -> {
            InterfaceName name = new InterfaceName("churn0");
            try (Rtnetlink other = Rtnetlink.open(namespace)) {
                while (!enough.get()) {
                    other.execute(Requests.create(BridgeSpec.of(name)));
                    other.execute(Requests.deleteLink(name));
                }
            }
        });
        try {
            for (int i = 0; i < 50; i++) {
                List<Link> links = rtnetlink.links();
                assertThat(links).filteredOn(link -> link.isKind("veth")).hasSize(120);
            }
        } finally {
            enough.set(true);
            churn.join();
        }
    }

    @Test
    void threadsShareOneSocket() throws InterruptedException {
        ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            IpAddress base = IpAddress.parse("10.0.0.0").plus(t << 16);
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 1; i <= 50; i++) {
                        Route route = Route.to(Cidr.host(base.plus(i))).link(bridge);
                        rtnetlink.execute(Requests.add(route));
                        assertThat(rtnetlink.link(BRIDGE)).isPresent();
                        rtnetlink.execute(Requests.delete(route));
                    }
                } catch (RuntimeException | AssertionError e) {
                    thrown.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(thrown).isEmpty();
        assertThat(rtnetlink.routes(IpFamily.IPV4, RouteFilter.ALL.protocol(RouteProtocol.IKAT)))
                .isEmpty();
    }

    @Test
    void closedSocketSaysSo() {
        rtnetlink.close();
        rtnetlink.close();

        assertThatThrownBy(rtnetlink::links)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void requestNamingAClosedNamespaceIsRefused() {
        NetworkNamespace pod = NetworkNamespace.open(test.path());
        Request create = Requests.create(
                VethSpec.of(new InterfaceName("ik0"), new InterfaceName("eth0")).peerNamespace(pod));
        pod.close();

        assertThatThrownBy(() -> rtnetlink.execute(create))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("was closed");
        assertThat(rtnetlink.link(new InterfaceName("ik0"))).isEmpty();
    }

    @Test
    void socketsDoNotLeak() {
        for (int i = 0; i < 3000; i++) {
            try (NetworkNamespace open = NetworkNamespace.open(test.path());
                    Rtnetlink brief = Rtnetlink.open(open)) {
                assertThat(brief.link(1)).isPresent();
            }
        }
    }
}
