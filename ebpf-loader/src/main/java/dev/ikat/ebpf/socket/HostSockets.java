package dev.ikat.ebpf.socket;

import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfObject;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.diag.SocketDiag;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.services.program.Backend;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The programs that have the node's own sockets speak with backends of services. They act on sockets of one network
 * namespace, whatever else is in the control group. Not thread-safe.
 */
public final class HostSockets implements AutoCloseable {
    /** Of all their names. */
    public static final String PREFIX = "sockets-";

    private static final Logger LOG = LoggerFactory.getLogger(HostSockets.class);

    private static final String HOST = "host";
    private static final int HOST_BYTES = 16;

    /** {@code HOST_ENDS} in sockets.bpf.c. */
    private static final int ENDS = 1;

    private final SocketFlows flows;
    private final SocketDiag diag;
    private final BpfObject object;
    private final SocketLinks links;

    private HostSockets(SocketFlows flows, SocketDiag diag, BpfObject object, SocketLinks links) {
        this.flows = flows;
        this.diag = diag;
        this.object = object;
        this.links = links;
    }

    /**
     * Loads the programs; they are not in force yet.
     *
     * @param namespace the node's; has to stay open until this is closed
     * @param group the control group that the node's processes are in
     * @param services descriptors of the maps of services, by name
     * @param capacity the most flows
     * @throws BpfException if the kernel refuses
     * @throws NetlinkException if it does not tell of the namespace
     */
    public static HostSockets open(
            NetworkNamespace namespace, Path group, Map<String, Integer> services, int capacity) {
        Pins pins = new Pins(namespace);
        ByteBuffer host = Layout.of(HOST_BYTES).putLong(namespace.cookie());
        SocketDiag diag = SocketDiag.open(namespace);
        try {
            boolean ends = diag.canEnd();
            if (!ends) {
                LOG.atInfo().log("connected-sockets-of-udp-not-translated");
            }
            return load(pins, group, services, capacity, host.putInt(ends ? ENDS : 0), diag);
        } catch (RuntimeException e) {
            diag.close();
            throw e;
        }
    }

    private static HostSockets load(
            Pins pins, Path group, Map<String, Integer> services, int capacity, ByteBuffer host, SocketDiag diag) {
        SocketFlows flows = SocketFlows.open(pins, PREFIX, capacity);
        try {
            Map<String, Integer> reused = new HashMap<>(services);
            reused.put(SocketFlows.MAP, flows.fd());
            BpfObject object = BpfObject.load(BpfObject.Code.SOCKETS, Map.of(), reused);
            HostSockets loaded = new HostSockets(flows, diag, object, new SocketLinks(pins, PREFIX, object, group));
            object.map(HOST).put(Layout.key(0), host.putInt(0).flip());
            return loaded;
        } catch (RuntimeException e) {
            flows.close();
            throw e;
        }
    }

    /**
     * Puts the programs in force, in the place of those of a former process; mends what somebody has changed.
     *
     * @throws BpfException if the kernel refuses; then some may be in force
     */
    public void lead() {
        flows.name();
        links.lead();
    }

    /** The differences from what was put in force, one line for each; costs next to nothing. */
    public List<String> differences() {
        List<String> differences = new ArrayList<>(links.differences());
        if (!flows.hasName()) {
            differences.add("the name of the flows of sockets is gone");
        }
        return differences;
    }

    /**
     * Has sockets of UDP leave backends that are gone: see {@link SocketFlows#forgetStale}.
     *
     * @param isStale whether what is sent to a {@code struct place} must not go to a backend
     */
    public void forgetStale(BiPredicate<MapKey, Backend> isStale) {
        try {
            int ended = flows.forgetStale(isStale, diag);
            if (ended > 0) {
                LOG.atInfo().addKeyValue("sockets", ended).log("service-sockets-ended");
            }
        } catch (NetlinkException e) {
            // The services are in force; only sockets that are connected already are concerned.
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("service-sockets-not-ended");
        }
    }

    /** Takes them out of force, whichever process put them there; connections go on with their backends. */
    public static void end(Pins pins) {
        SocketLinks.end(pins, PREFIX);
        pins.names(PREFIX).forEach(pins::remove);
        pins.removeDirectoryIfEmpty();
    }

    /** Releases what the process holds; what is in force stays so. */
    @Override
    public void close() {
        links.close();
        object.close();
        flows.close();
        diag.close();
    }
}
