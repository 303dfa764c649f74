package dev.ikat.cni.cold;

import dev.ikat.cni.CniPlugin;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.DirectReaper;
import dev.ikat.cni.NodeNetwork;
import dev.ikat.cni.StepObserver;
import dev.ikat.ipam.LeaseStore;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/** One request of a runtime, answered by this process: environment and stdin in, stdout and exit code out. */
public final class ColdMain {
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
        Path runDirectory = Path.of(System.getenv().getOrDefault("IKAT_RUN_DIR", "/run/ikat"));
        CniResponse response;
        try (LeaseStore leases = LeaseStore.open(runDirectory.resolve("leases"), Clock.systemUTC());
                NodeNetwork node = NodeNetwork.current();
                DirectReaper reaper = new DirectReaper(leases, node, StepObserver.NONE)) {
            CniPlugin plugin = new CniPlugin(leases, node, new StandaloneNetwork(), reaper, StepObserver.NONE);
            response = plugin.handle(request);
        }
        try (FileOutputStream stdout = new FileOutputStream(FileDescriptor.out)) {
            stdout.write(response.stdout());
        }
        System.exit(response.exitCode());
    }
}
