package dev.ikat.netlink;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.ConntrackRequests;
import dev.ikat.netlink.netfilter.LogMessage;
import dev.ikat.netlink.route.BridgeSpec;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.Libc;
import dev.ikat.netlink.wire.NetlinkBuffer;
import dev.ikat.netlink.wire.NetlinkSocket;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Records the corpus anew from the running kernel: {@code java -cp ... dev.ikat.netlink.CorpusRecorder DIRECTORY}. It
 * uses system calls alone, none of the code that the corpus is to test but the writing of requests.
 */
final class CorpusRecorder {
    private static final int SOCK_RAW_CLOEXEC = 0x80003;
    private static final int SOL_NETLINK = 270;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int NLM_F_ACK = 4;

    private CorpusRecorder() {}

    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        Files.createDirectories(directory);
        try (TestNamespace test = TestNamespace.create();
                TestNamespace other = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path())) {
            int monitor = namespace.call(() -> socket(List.of(1, 3, 5, 7, 8, 9, 11, 19)));
            configure(test, other);
            write(directory, "notifications", receive(monitor));
            Libc.close(monitor);
            int vxlan;
            try (Rtnetlink rtnetlink = Rtnetlink.open(namespace)) {
                vxlan = rtnetlink.link(new InterfaceName("vx4")).orElseThrow().index();
            }
            int socket = namespace.call(() -> socket(List.of()));
            record(socket, directory, "links", Requests.listLinks());
            record(socket, directory, "link", Requests.getLink(vxlan));
            record(socket, directory, "addresses", Requests.listAddresses(0));
            record(socket, directory, "routes-ipv4", Requests.listRoutes(IpFamily.IPV4, RouteFilter.ALL));
            record(socket, directory, "routes-ipv6", Requests.listRoutes(IpFamily.IPV6, RouteFilter.ALL));
            record(socket, directory, "neighbours-ipv4", Requests.listNeighbours(IpFamily.IPV4, vxlan));
            record(socket, directory, "neighbours-ipv6", Requests.listNeighbours(IpFamily.IPV6, vxlan));
            record(socket, directory, "fdb", Requests.listFdb(vxlan));
            record(socket, directory, "rules-ipv4", Requests.listRules(IpFamily.IPV4));
            record(socket, directory, "rules-ipv6", Requests.listRules(IpFamily.IPV6));
            record(socket, directory, "refused", Requests.create(BridgeSpec.of(new InterfaceName("br0"))));
            record(
                    socket,
                    directory,
                    "refused-explained",
                    Requests.listRoutes(IpFamily.IPV4, RouteFilter.ALL.link(4711)));
            record(
                    socket,
                    directory,
                    "refused-attribute",
                    Requests.change(LinkChange.of(vxlan).mtu(7)));
            record(
                    socket,
                    directory,
                    "acknowledged",
                    Requests.change(LinkChange.of(vxlan).mtu(1400)));
            Libc.close(socket);
        }
        recordNetfilter(directory);
    }

    private static void recordNetfilter(Path directory) throws IOException {
        try (TestNamespace test = LoopbackTraffic.namespace();
                NetworkNamespace namespace = NetworkNamespace.open(test.path())) {
            int monitor = namespace.call(() -> socket(NetlinkSocket.NETLINK_NETFILTER, List.of(7)));
            int socket = namespace.call(() -> socket(NetlinkSocket.NETLINK_NETFILTER, List.of()));
            LoopbackTraffic.track(test);
            LoopbackTraffic.log(test, 5);
            write(directory, "nftables-changes", receive(monitor));
            record(socket, directory, "log-bound", LogMessage.bind(5, 128));
            LoopbackTraffic.exchange(test);
            Thread.sleep(500);
            write(directory, "log", receive(socket));
            record(socket, directory, "connections-ipv4", ConntrackRequests.listConnections(IpFamily.IPV4));
            record(socket, directory, "connections-ipv6", ConntrackRequests.listConnections(IpFamily.IPV6));
            Libc.close(socket);
            Libc.close(monitor);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static void configure(TestNamespace test, TestNamespace other) {
        test.ip("link", "add", "br0", "type", "bridge");
        test.ip("link", "add", "ik0", "type", "veth", "peer", "name", "eth0", "netns", other.name());
        test.ip("link", "set", "ik0", "master", "br0", "alias", "ikat:c1/eth0", "group", "7", "up");
        test.ip("link", "set", "br0", "up");
        test.ip("addr", "add", "192.0.2.1/24", "dev", "br0", "label", "br0:1");
        test.ip("addr", "add", "198.51.100.1", "peer", "198.51.100.2", "dev", "br0");
        test.ip("addr", "add", "fd00::1/64", "dev", "br0", "nodad");
        test.ip(
                "link",
                "add",
                "vx4",
                "type",
                "vxlan",
                "id",
                "4796",
                "dstport",
                "8472",
                "local",
                "192.0.2.1",
                "dev",
                "br0",
                "nolearning");
        test.ip(
                "link",
                "add",
                "vx6",
                "type",
                "vxlan",
                "id",
                "4797",
                "dstport",
                "8473",
                "local",
                "fd00::1",
                "udp6zerocsumrx");
        test.ip("link", "set", "vx4", "addrgenmode", "none", "up");
        test.ip(
                "route",
                "add",
                "10.2.0.0/16",
                "via",
                "10.2.0.0",
                "dev",
                "vx4",
                "onlink",
                "mtu",
                "1400",
                "src",
                "192.0.2.1",
                "proto",
                "107");
        test.ip("route", "add", "10.3.0.0/16", "via", "inet6", "fe80::9", "dev", "br0");
        test.ip(
                "route",
                "add",
                "10.4.0.0/16",
                "nexthop",
                "via",
                "192.0.2.8",
                "weight",
                "3",
                "nexthop",
                "via",
                "192.0.2.9",
                "onlink",
                "dev",
                "br0");
        test.ip("route", "add", "blackhole", "10.5.0.0/16", "table", "1000");
        test.ip("route", "add", "default", "via", "192.0.2.254", "metric", "50");
        test.ip("route", "add", "fd00:2::/48", "via", "fe80::2", "dev", "vx4", "proto", "107");
        test.ip("route", "add", "fd00:3::/48", "nexthop", "via", "fd00::8", "nexthop", "via", "fd00::9");
        test.ip("route", "add", "unreachable", "fd00:4::/48");
        test.ip("neigh", "add", "10.2.0.0", "lladdr", "0e:6b:00:00:00:02", "dev", "vx4", "nud", "permanent");
        test.ip("neigh", "add", "fe80::2", "lladdr", "0e:6b:00:00:00:02", "dev", "vx4", "nud", "permanent");
        test.ip("neigh", "add", "10.2.0.9", "dev", "vx4", "nud", "failed");
        test.exec(
                "bridge", "fdb", "append", "0e:6b:00:00:00:02", "dev", "vx4", "dst", "192.0.2.2", "self", "permanent");
        test.exec("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vx4", "dst", "192.0.2.3");
        test.exec("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vx4", "dst", "192.0.2.4", "port", "4789");
        test.ip(
                "rule",
                "add",
                "priority",
                "512",
                "from",
                "10.1.0.0/16",
                "fwmark",
                "0x10/0xf0",
                "iif",
                "br0",
                "table",
                "1000");
        test.ip("rule", "add", "priority", "513", "not", "to", "10.9.0.0/16", "blackhole");
        test.ip("-6", "rule", "add", "priority", "514", "to", "fd00:2::/48", "table", "1001", "protocol", "107");
        test.ip("route", "del", "10.3.0.0/16");
        test.exec("bridge", "fdb", "del", "00:00:00:00:00:00", "dev", "vx4", "dst", "192.0.2.3");
        test.ip("link", "set", "ik0", "nomaster");
        test.ip("rule", "del", "priority", "513");
        test.ip("link", "del", "vx6");
    }

    private static int socket(List<Integer> groups) {
        return socket(NetlinkSocket.NETLINK_ROUTE, groups);
    }

    private static int socket(int protocol, List<Integer> groups) {
        int fd = checked(Libc.socket(AddressFamily.AF_NETLINK, SOCK_RAW_CLOEXEC, protocol));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(NetlinkBuffer.SOCKADDR_NL);
            address.set(ValueLayout.JAVA_SHORT, 0, (short) AddressFamily.AF_NETLINK);
            checked(Libc.bind(fd, address));
            MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_INT, 1);
            for (int option = 10; option <= 12; option++) {
                checked(Libc.setsockopt(fd, SOL_NETLINK, option, one));
            }
            for (int group : groups) {
                checked(Libc.setsockopt(fd, SOL_NETLINK, 1, arena.allocateFrom(ValueLayout.JAVA_INT, group)));
            }
        }
        return fd;
    }

    private static void record(int socket, Path directory, String name, Request request) {
        byte[] message = request.bytes().clone();
        message[6] |= NLM_F_ACK;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocateFrom(ValueLayout.JAVA_BYTE, message);
            checked(Libc.send(socket, data, data.byteSize()));
        }
        write(directory, name, receive(socket));
    }

    private static List<byte[]> receive(int socket) {
        List<byte[]> datagrams = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(32768);
            MemorySegment address = arena.allocate(NetlinkBuffer.SOCKADDR_NL);
            while (true) {
                MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, (int) address.byteSize());
                int received = Libc.recvfrom(socket, data, MSG_DONTWAIT, address, length);
                if (received == -Errno.EAGAIN) {
                    return datagrams;
                }
                datagrams.add(data.asSlice(0, checked(received)).toArray(ValueLayout.JAVA_BYTE));
            }
        }
    }

    private static int checked(int result) {
        if (result < 0) {
            throw new IllegalStateException(Errno.name(-result));
        }
        return result;
    }

    private static void write(Path directory, String name, List<byte[]> datagrams) {
        try {
            List<String> lines = new ArrayList<>();
            String kernel = System.getProperty("os.version").replaceAll("^(\\d+\\.\\d+).*", "$1");
            lines.add("# captured from Linux " + kernel + ", " + System.getProperty("os.arch") + "; a datagram a line");
            datagrams.forEach(datagram -> lines.add(HexFormat.of().formatHex(datagram)));
            Files.write(directory.resolve(name + ".hex"), lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
