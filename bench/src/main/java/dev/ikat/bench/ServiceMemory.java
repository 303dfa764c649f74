package dev.ikat.bench;

import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.services.compiler.ServiceCompiler;
import dev.ikat.services.compiler.ServiceSettings;
import dev.ikat.services.program.ServiceProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * What services take of a node's memory, in bytes. The heap is that of live objects: those of the cluster, what the
 * compiler makes of them, and what the dataplane remembers. The kernel does not count memory by its users, so its part
 * is by how much more it counts as what can't be taken from it (proc(5), meminfo), on the whole machine. What others
 * take and give back meanwhile is in it; so where one turn did not find any more, the machine is too busy to tell.
 *
 * @param heap after a garbage collection, of each turn
 * @param kernel slabs that can't be reclaimed, vmalloc and per-CPU data
 * @param bpf all eBPF maps and programs of this process, also what they take without services, as the kernel says of
 *     each (proc(5), fdinfo); 0 without eBPF
 */
record ServiceMemory(Samples heap, Samples kernel, Samples bpf) {
    private static final int TURNS = 7;
    private static final Set<String> KINDS = Set.of("SUnreclaim:", "VmallocUsed:", "Percpu:");

    /** What the kernel gives back later than it says (RCU), in nanoseconds. */
    private static final long SETTLING = 300_000_000;

    /** Measures by putting them in force, several times; none are in force afterwards. */
    static ServiceMemory measure(ServiceBackend backend, SampleServices services, ServiceSettings settings) {
        Samples heap = new Samples();
        Samples kernel = new Samples();
        Samples bpf = new Samples();
        // What the first turn makes is there for good.
        for (int turn = -1; turn < TURNS; turn++) {
            backend.replace(ServiceProgram.EMPTY);
            LockSupport.parkNanos(SETTLING);
            double heapBefore = heapInUse();
            double kernelBefore = kernelInUse();
            ServiceCompiler compiler = new ServiceCompiler("node-1", settings);
            double heapAfter;
            double kernelAfter;
            try {
                compiler.apply(services.objects());
                backend.replace(compiler.program());
                LockSupport.parkNanos(SETTLING);
                kernelAfter = kernelInUse();
                bpf.add(bpfInUse());
                heapAfter = heapInUse();
            } finally {
                // An agent has it as long as it runs.
                Reference.reachabilityFence(compiler);
            }
            if (turn >= 0) {
                heap.add(heapAfter - heapBefore);
                kernel.add(kernelAfter - kernelBefore);
            }
        }
        backend.replace(ServiceProgram.EMPTY);
        return new ServiceMemory(heap, kernel, bpf);
    }

    private static double heapInUse() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static double bpfInUse() {
        double bytes = 0;
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fdinfo"))) {
            for (Path descriptor : descriptors) {
                bytes += memlock(descriptor);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes;
    }

    private static double memlock(Path descriptor) throws IOException {
        try {
            return Files.readAllLines(descriptor).stream()
                    .filter(line -> line.startsWith("memlock:"))
                    .mapToDouble(line -> Double.parseDouble(line.substring("memlock:".length())))
                    .sum();
        } catch (NoSuchFileException e) {
            // Closed meanwhile.
            return 0;
        }
    }

    private static double kernelInUse() {
        try {
            return 1024.0
                    * Files.readAllLines(Path.of("/proc/meminfo")).stream()
                            .map(line -> line.split("\\s+", 3))
                            .filter(fields -> KINDS.contains(fields[0]))
                            .mapToLong(fields -> Long.parseLong(fields[1]))
                            .sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
