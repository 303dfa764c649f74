package dev.ikat.bench.micro;

import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.host.TestDirectory;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** An address is leased and freed again, including file lock and log, in a /16 that is empty or 99 % full. */
public class LeaseBenchmark {
    private static final NetworkName NETWORK = new NetworkName("pods");
    private static final AddressPlan PLAN = AddressPlan.of(Cidr.parse("10.1.0.0/16"));
    private static final int FULL = 65_534 * 99 / 100;
    private static final Attachment POD = pod(FULL);

    private static Attachment pod(int number) {
        return new Attachment(new ContainerId("pod-" + number), new InterfaceName("eth0"));
    }

    /** A store without leases. */
    @State(Scope.Benchmark)
    public static class Empty {
        private final TestDirectory directory = TestDirectory.create();
        private final LeaseStore store = LeaseStore.open(directory.path().resolve("leases"), Clock.systemUTC());

        /** Closes and removes it. */
        @TearDown
        public void close() {
            store.close();
            directory.close();
        }

        Lease allocate(Attachment pod) {
            return store.allocate(pod, NETWORK, Optional.empty(), PLAN, List.of());
        }

        Lease allocateAndFree() {
            Lease lease = allocate(POD);
            store.free(POD);
            return lease;
        }
    }

    /** A store in which all but one in a hundred addresses are leased. */
    @State(Scope.Benchmark)
    public static class Full extends Empty {
        /** Leases them. */
        @Setup
        public void fill() {
            for (int i = 0; i < FULL; i++) {
                allocate(pod(i));
            }
        }
    }

    /** A linear search of the range would take hundreds of times as long. */
    @Benchmark
    @Row(
            value = "ADD, DEL: an address is leased in a /16 that is 99 % full, and freed",
            beside = "an empty /16",
            peer = "empty",
            atMostTimes = 1.5)
    public Lease full(Full store) {
        return store.allocateAndFree();
    }

    @Benchmark
    public Lease empty(Empty store) {
        return store.allocateAndFree();
    }
}
