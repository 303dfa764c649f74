package dev.ikat.agent.firewall;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.PodLink;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressRange;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.IcmpError;
import dev.ikat.netlink.route.Link;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends packets between two pods of this node, which exist for that purpose only and are removed at once: network
 * namespaces without a process, wired by the plugin as any pod is, with leases of the highest addresses that are free.
 * They are nobody's pods, and so no policy is about them: an address that a pod of the cluster is said to have is left
 * out, since the pod's policies would hold for it.
 */
public final class DatapathProbe implements SelfTest {
    private static final Logger LOG = LoggerFactory.getLogger(DatapathProbe.class);
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Of the containers that the leases are for. */
    private static final String CONTAINER = "ikat-self-test-";

    /** From the end of a range. Others may have been taken by pods that asked for them. */
    private static final int ADDRESSES_TRIED = 16;

    private static final int ATTEMPTS = 4;
    private static final int ATTEMPT_MILLIS = 250;
    private static final int ECHO_ATTEMPTS = 2;
    private static final int ECHO_MILLIS = 500;
    private static final int SMALL = 32;
    private static final Duration ERROR_LIMIT = Duration.ofSeconds(1);

    private final Function<CniRequest, CniResponse> plugin;
    private final Predicate<IpAddress> claimed;
    private final BooleanSupplier fastPath;

    /**
     * @param plugin wires and removes the pods
     * @param claimed whether a pod of the cluster is said to have an address
     * @param fastPath whether packets may take the fast path past the host's firewall, but for fragments
     */
    public DatapathProbe(
            Function<CniRequest, CniResponse> plugin, Predicate<IpAddress> claimed, BooleanSupplier fastPath) {
        this.plugin = plugin;
        this.claimed = claimed;
        this.fastPath = fastPath;
    }

    /** Whether this link is that of one of its pods, which may be left where an agent was ended during a self-test. */
    public static boolean isItsOwn(Link hostEnd) {
        return PodLink.attachmentOf(hostEnd)
                .filter(attachment -> attachment.containerId().value().startsWith(CONTAINER))
                .isPresent();
    }

    /** A pod without a process. */
    private final class Pod implements AutoCloseable {
        private final NetworkNamespace namespace = NetworkNamespace.create();
        private final String container;
        private final List<IpAddress> addresses;

        /** @throws IllegalStateException if it can't be wired; the message is the plugin's */
        Pod(String name, List<IpAddress> addresses) {
            this.container = CONTAINER + name;
            this.addresses = addresses;
            CniResponse response = ask("ADD");
            if (response.exitCode() != 0) {
                close();
                throw new IllegalStateException(new String(response.stdout(), UTF_8).replaceAll("\\s+", " "));
            }
        }

        private CniResponse ask(String verb) {
            ObjectNode configuration = JSON.createObjectNode()
                    .put("cniVersion", "1.0.0")
                    .put("name", "ikat")
                    .put("type", "ikat");
            ArrayNode ips = configuration.putObject("runtimeConfig").putArray("ips");
            addresses.forEach(address -> ips.add(address.toString()));
            try {
                return plugin.apply(new CniRequest(
                        Map.of(
                                "CNI_COMMAND",
                                verb,
                                "CNI_CONTAINERID",
                                container,
                                "CNI_NETNS",
                                "/proc/self/fd/" + namespace.fd(),
                                "CNI_IFNAME",
                                "eth0"),
                        JSON.writeValueAsBytes(configuration)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** A socket inside, with this pod's address. */
        DatagramSocket socket(IpAddress address) {
            return namespace.call(() -> {
                try {
                    DatagramChannel channel = DatagramChannel.open(
                            address.family() == IpFamily.IPV4
                                    ? StandardProtocolFamily.INET
                                    : StandardProtocolFamily.INET6);
                    channel.bind(new InetSocketAddress(address.toInetAddress(), 0));
                    return channel.socket();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }

        boolean reaches(Target target) {
            return namespace.call(() -> answers(target.address()))
                    || (target.way() == Way.ROUTE
                            && Stream.concat(Stream.of(target.address()), target.spare().stream())
                                    .anyMatch(this::isDisowned));
        }

        /**
         * Whether the other node says that it has no way to an address, as its agent has the kernel do for all
         * addresses of its block that no pod has. Agents of former versions have it do so for the one that answers
         * today.
         */
        private boolean isDisowned(IpAddress address) {
            try {
                return namespace
                        .call(() -> IcmpError.provoke(address, ERROR_LIMIT))
                        .filter(error -> error.isNoRoute() && !isOfThisHost(error.from()))
                        .isPresent();
            } catch (NetlinkException | UncheckedIOException e) {
                LOG.atDebug().addKeyValue("reason", e.getMessage()).log("self-test-failed");
                return false;
            }
        }

        @Override
        public void close() {
            ask("DEL");
            namespace.close();
        }
    }

    @Override
    public Optional<Findings> find(AddressPlan plan, int mtu, List<Target> targets) {
        List<List<IpAddress>> pairs = new ArrayList<>();
        try (Pod first = pod("a", plan, pairs);
                Pod second = pod("b", plan, pairs)) {
            Findings findings = findings(first, second, mtu, targets);
            // Whoever interrupts it gets no half of an answer, and the pods are removed all the same.
            return Thread.interrupted() ? Optional.empty() : Optional.of(findings);
        } catch (IllegalStateException | NetlinkException | UncheckedIOException e) {
            LOG.atDebug().addKeyValue("reason", e.getMessage()).log("self-test-impossible");
            return Optional.empty();
        }
    }

    private Findings findings(Pod first, Pod second, int mtu, List<Target> targets) {
        Set<IpFamily> failing = EnumSet.noneOf(IpFamily.class);
        for (int i = 0; i < first.addresses.size(); i++) {
            if (!passes(first, second, i, SMALL) || (fastPath.getAsBoolean() && !passes(first, second, i, mtu))) {
                failing.add(first.addresses.get(i).family());
            }
        }
        List<Target> unreached = targets.stream()
                .filter(target -> !failing.contains(target.address().family()))
                .takeWhile(_ -> !Thread.currentThread().isInterrupted())
                .filter(target -> answers(target.underlay()) && !first.reaches(target))
                .toList();
        return new Findings(failing, unreached);
    }

    /** This host says of a neighbour that it does not find what another host says of its routes. */
    private static boolean isOfThisHost(IpAddress address) {
        try {
            return NetworkInterface.getByInetAddress(address.toInetAddress()) != null;
        } catch (SocketException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** To the calling thread, by an echo reply, or by a connection that is refused. */
    private static boolean answers(IpAddress address) {
        try {
            for (int attempt = 0; attempt < ECHO_ATTEMPTS; attempt++) {
                if (address.toInetAddress().isReachable(ECHO_MILLIS)) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            return false;
        }
    }

    /** @param taken the addresses that the other pod has, and to which this one's are added */
    private Pod pod(String name, AddressPlan plan, List<List<IpAddress>> taken) {
        IllegalStateException failure = new IllegalStateException("the node has no address to spare");
        for (int offset = taken.size(); offset < ADDRESSES_TRIED; offset++) {
            List<IpAddress> addresses = highest(plan, offset);
            if (addresses.isEmpty()) {
                break;
            }
            if (taken.contains(addresses) || addresses.stream().anyMatch(claimed)) {
                continue;
            }
            try {
                Pod pod = new Pod(name, addresses);
                taken.add(addresses);
                return pod;
            } catch (IllegalStateException e) {
                failure = e;
            }
        }
        throw failure;
    }

    /**
     * One address of each family: the highest that may be assigned, but for so many; none where there are not so many.
     */
    private static List<IpAddress> highest(AddressPlan plan, int offset) {
        List<IpAddress> addresses = new ArrayList<>();
        for (IpFamily family : plan.families()) {
            Optional<AddressRange> range = plan.ranges().stream()
                    .filter(each -> each.family() == family)
                    .findFirst();
            // The highest one may not be assignable: it is the broadcast address of many.
            if (range.isEmpty() || range.get().size() < 2L * ADDRESSES_TRIED) {
                return List.of();
            }
            IpAddress address = range.get().last();
            for (int i = 0; i <= offset; i++) {
                address = address.previous();
            }
            addresses.add(address);
        }
        return addresses;
    }

    /**
     * Whether a datagram comes, and one comes back.
     *
     * @param family the number of the family among the addresses
     * @param bytes the size of the payload
     */
    private static boolean passes(Pod from, Pod to, int family, int bytes) {
        byte[] payload = new byte[bytes];
        try (DatagramSocket client = from.socket(from.addresses.get(family));
                DatagramSocket server = to.socket(to.addresses.get(family))) {
            client.setSoTimeout(ATTEMPT_MILLIS);
            server.setSoTimeout(ATTEMPT_MILLIS);
            for (int attempt = 0; attempt < ATTEMPTS && !Thread.currentThread().isInterrupted(); attempt++) {
                client.send(new DatagramPacket(payload, bytes, server.getLocalSocketAddress()));
                if (receives(server, client)) {
                    server.send(new DatagramPacket(payload, bytes, client.getLocalSocketAddress()));
                    if (receives(client, server)) {
                        return true;
                    }
                }
            }
            return false;
        } catch (IOException e) {
            LOG.atDebug().addKeyValue("reason", e.getMessage()).log("self-test-failed");
            return false;
        }
    }

    /** Whether a packet comes, from the other's own address. */
    private static boolean receives(DatagramSocket socket, DatagramSocket sender) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[SMALL], SMALL);
        try {
            socket.receive(packet);
        } catch (SocketTimeoutException e) {
            return false;
        }
        return packet.getSocketAddress().equals(sender.getLocalSocketAddress());
    }
}
