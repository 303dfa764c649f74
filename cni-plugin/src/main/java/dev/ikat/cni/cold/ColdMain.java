package dev.ikat.cni.cold;

import dev.ikat.cni.CniPlugin;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.DirectReaper;
import dev.ikat.cni.NodeNetwork;
import dev.ikat.cni.PodPolicy;
import dev.ikat.cni.Recovery;
import dev.ikat.cni.StepObserver;
import dev.ikat.cni.TrackedConnections;
import dev.ikat.ipam.IpamException;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.netlink.NetlinkException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** One request of a runtime, answered by this process: environment and stdin in, stdout and exit code out. */
public final class ColdMain {
    private static final Set<String> MENDING = Set.of("ADD", "GC");
    /** This process sees a missing link for a moment only, so it frees no lease for that. */
    private static final Duration LEASE_GRACE = Duration.ofMinutes(1);

    private ColdMain() {}

    /** The launcher calls it without arguments. */
    public static void main(String[] arguments) throws IOException {
        Map<String, String> environment = new HashMap<>();
        System.getenv().forEach((name, value) -> {
            if (name.startsWith("CNI_")) {
                environment.put(name, value);
            }
        });
        CniRequest request = new CniRequest(environment, System.in.readAllBytes());
        CniResponse response = respond(request);
        try (FileOutputStream stdout = new FileOutputStream(FileDescriptor.out)) {
            stdout.write(response.stdout());
        }
        System.exit(response.exitCode());
    }

    private static CniResponse respond(CniRequest request) {
        Path runDirectory = Path.of(System.getenv().getOrDefault("IKAT_RUN_DIR", "/run/ikat"));
        Clock clock = Clock.systemUTC();
        try (LeaseStore leases = LeaseStore.open(runDirectory.resolve("leases"), clock);
                NodeNetwork node = NodeNetwork.current();
                DirectReaper reaper = new DirectReaper(
                        leases,
                        node,
                        new TrackedConnections(node, warning -> System.err.println("ikat: " + warning)),
                        StepObserver.NONE)) {
            if (MENDING.contains(request.variable("CNI_COMMAND"))) {
                // No agent does it; what a killed process left would hold its address for ever.
                new Recovery(leases, node, reaper, clock, LEASE_GRACE, ColdMain::isAlive).run();
            }
            return new CniPlugin(leases, node, new StandaloneNetwork(), PodPolicy.NONE, reaper, StepObserver.NONE)
                    .handle(request);
        } catch (IpamException | NetlinkException e) {
            return CniPlugin.unusable(request, e);
        }
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
    }
}
