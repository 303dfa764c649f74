package dev.ikat.cni.cold;

import dev.ikat.cni.CniPlugin;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.DirectReaper;
import dev.ikat.cni.ForeignStoreException;
import dev.ikat.cni.LastAgent;
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

/** Answers a single request of a runtime: environment and stdin are the request, stdout and exit code the answer. */
public final class ColdMain {
    private static final String DEFAULT_RUN_DIRECTORY = "/run/ikat";
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
        try (NodeNetwork node = NodeNetwork.current()) {
            return respond(request, runDirectory(), node);
        }
    }

    /** As the launcher reads it: empty is unset. */
    private static Path runDirectory() {
        String configured = System.getenv().getOrDefault("IKAT_RUN_DIR", "");
        return Path.of(configured.isEmpty() ? DEFAULT_RUN_DIRECTORY : configured);
    }

    private static CniResponse respond(CniRequest request, Path runDirectory, NodeNetwork node) {
        Clock clock = Clock.systemUTC();
        // Most requests without an agent only learn that there is none, and leave nothing behind.
        try (LeaseStore leases = LeaseStore.openLazily(runDirectory.resolve("leases"), clock);
                DirectReaper reaper = new DirectReaper(
                        leases, node, new TrackedConnections(node, ColdMain::warn), StepObserver.NONE)) {
            // No agent does it; what a killed process left would hold its address for ever.
            Runnable mend = () -> new Recovery(leases, node, reaper, clock, LEASE_GRACE, ColdMain::isAlive).run();
            if (request.variable("CNI_COMMAND").equals("GC")) {
                mend.run();
            }
            return new CniPlugin(
                            leases,
                            node,
                            new StandaloneNetwork(
                                    runDirectory, leases, new LastAgent(runDirectory, clock), mend, ColdMain::warn),
                            PodPolicy.NONE,
                            reaper,
                            StepObserver.NONE)
                    .handle(request);
        } catch (IpamException | NetlinkException | ForeignStoreException e) {
            return CniPlugin.unusable(request, node, e);
        }
    }

    /** A runtime logs what its plugins write to stderr. */
    private static void warn(String warning) {
        System.err.println("ikat: " + warning);
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
    }
}
