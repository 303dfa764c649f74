package dev.ikat.bench;

import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.services.compiler.ServiceCompiler;
import dev.ikat.services.compiler.ServiceSettings;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./dev bench services}: services of Ikat's and of kube-proxy's, in turns. */
@Command(
        name = "services",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Services with 5 endpoints each, of Ikat's and of kube-proxy's in turns: in its mode nftables,",
            "and up to 1,000 services in iptables too.",
            "first: the time until all are in force; of Ikat's from the objects on, of kube-proxy's from its start on.",
            "memory: what the objects, their program and what is in the kernel take, of a service and of an endpoint;",
            "of eBPF also what its maps and programs take in all, most of which is there without services, too.",
            "changes: one endpoint comes or goes, until the kernel has it. effect: the same for kube-proxy, from the API",
            "until a connection is answered. connections: new connections and round trips, beside those to the pod itself.",
            "node: the same from the node.",
            "The exit code is 3 if an aim is not met."
        })
final class ServicesBench implements Callable<Integer> {
    /** The parts of the table. */
    enum Part {
        first,
        memory,
        changes,
        effect,
        connections,
        node
    }

    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();
    private static final int CHANGES = 200;
    private static final int EFFECTS = 6;
    private static final int ROUNDS = 12;
    private static final int AIMED = 10_000;
    /** kube-proxy's mode iptables did not have 10,000 in force within three minutes. */
    private static final int MOST_IN_IPTABLES = 1_000;

    private static final ServiceSettings SETTINGS = new ServiceSettings(false, List.of());

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "only these parts: ${COMPLETION-CANDIDATES}")
    private Set<Part> only = EnumSet.allOf(Part.class);

    @Option(
            names = "--services",
            split = ",",
            paramLabel = "N",
            defaultValue = "10,1000,10000,30000",
            description = "how many services (default: ${DEFAULT-VALUE})")
    private List<Integer> sizes = List.of();

    @Option(
            names = "--dataplanes",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "nftables,ebpf",
            description =
                    "Ikat's: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}); iptables reads and writes whole "
                            + "tables for each change, so give it few services")
    private List<ServicePlane.Kind> planes = List.of();

    @Mixin
    private final KubeProxyOption kubeProxy = new KubeProxyOption();

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);
    /** Of each way of Ikat's, what part of the pod's own connections each size had. */
    private final Map<String, Map<Integer, Double>> shares = new TreeMap<>();

    private ServicesBench() {}

    /**
     * A node on which services are in force.
     *
     * @param isOurs whether by Ikat
     */
    private record Rival(
            String title, boolean isOurs, BenchLane lane, AutoCloseable plane, Samples connections, Samples trips) {
        Rival(String title, boolean isOurs, BenchLane lane, AutoCloseable plane) {
            this(title, isOurs, lane, plane, new Samples(), new Samples());
        }

        /** Connections to the pod itself and to the service, on the same node at nearly the same time. */
        void measure() {
            lane.measure();
            Echo.measure(lane.client, SampleServices.address(0), connections, trips);
        }

        void close() throws Exception {
            plane.close();
            lane.close();
        }

        void clear() {
            lane.clear();
            connections.clear();
            trips.clear();
        }
    }

    @Override
    public Integer call() throws Exception {
        for (int size : sizes) {
            if (size < 1 || size > 100_000) {
                throw new ParameterException(
                        Objects.requireNonNull(spec).commandLine(), "--services takes 1 to 100000, not " + size);
            }
        }
        Optional<Path> program = kubeProxy.program(terminal);
        for (int size : sizes) {
            measure(new SampleServices(size), program);
        }
        shares.forEach((title, bySize) -> {
            double most = bySize.values().stream()
                    .mapToDouble(Double::doubleValue)
                    .max()
                    .orElse(1);
            double least = bySize.values().stream()
                    .mapToDouble(Double::doubleValue)
                    .min()
                    .orElse(1);
            if (bySize.size() > 1) {
                table.atMostTimes(
                        title + ": connections among the fewest services and the most",
                        "%.2f".formatted(least),
                        "the pod's own",
                        "%.2f".formatted(most),
                        most / least,
                        1.03);
            }
        });
        table.printMachine();
        return table.conclude();
    }

    private void measure(SampleServices services, Optional<Path> program) throws Exception {
        List<Rival> rivals = new ArrayList<>();
        try {
            for (ServicePlane.Kind kind : planes) {
                ikat(kind, services, rivals);
            }
            if (program.isPresent()) {
                kubeProxy(program.get(), "nftables", services, rivals);
                if (services.count() <= MOST_IN_IPTABLES) {
                    kubeProxy(program.get(), "iptables", services, rivals);
                }
            }
            if (only.contains(Part.connections)) {
                connections(services, rivals);
            }
            if (only.contains(Part.node)) {
                node(services, rivals);
            }
        } finally {
            for (Rival rival : rivals) {
                rival.close();
            }
        }
    }

    private static String title(String what, SampleServices services) {
        return String.format(Locale.ROOT, "%s, %,d services", what, services.count());
    }

    private BenchLane lane() {
        BenchLane lane = new BenchLane();
        SampleServices.addEndpoints(lane);
        return lane;
    }

    /** Adds it as soon as it is there, so that whatever happens it is closed. */
    private void ikat(ServicePlane.Kind kind, SampleServices services, List<Rival> rivals) {
        terminal.line(title(kind.name(), services));
        BenchLane lane = lane();
        ServicePlane plane = new ServicePlane(kind, lane.node.namespace(), Outside.LEFT, SampleServices.pods());
        rivals.add(new Rival(kind.name(), true, lane, plane));
        ServiceBackend backend = plane.services;
        backend.replace(new ServiceProgram(Map.of(), Set.of(), Set.of()));
        if (only.contains(Part.memory)) {
            memory(kind, services, backend);
        }
        Samples first = new Samples();
        ServiceCompiler compiler = new ServiceCompiler("node-1", SETTINGS);
        for (int i = 0; i < (only.contains(Part.first) ? 3 : 1); i++) {
            long start = System.nanoTime();
            compiler = new ServiceCompiler("node-1", SETTINGS);
            compiler.apply(services.objects());
            backend.replace(compiler.program());
            first.add((System.nanoTime() - start) / 1e9);
        }
        requireService(lane);
        if (kind == ServicePlane.Kind.ebpf) {
            plane.awaitEbpf(SampleServices.address(0), () -> requireService(lane));
        }
        if (only.contains(Part.first)) {
            String measure = title(kind + ": all in force, s", services);
            if (services.count() == AIMED && kind != ServicePlane.Kind.iptables) {
                table.atMost(measure, first.show("%.2f", false), first.median(), 2, "s");
            } else {
                table.note(measure, first.show("%.2f", false));
            }
        }
        if (only.contains(Part.changes)) {
            changes(kind, services, compiler, backend);
        }
    }

    private void memory(ServicePlane.Kind kind, SampleServices services, ServiceBackend backend) {
        ServiceMemory memory = ServiceMemory.measure(backend, services, SETTINGS);
        note(kind + ": heap of the agent", services, memory.heap());
        note(kind + ": memory of the kernel", services, memory.kernel());
        if (memory.bpf().median() > 0) {
            table.note(
                    title(kind + ": all maps and programs, MiB", services),
                    "%.1f".formatted(memory.bpf().median() / (1 << 20)));
        }
    }

    /** @param bytes of all services */
    private void note(String what, SampleServices services, Samples bytes) {
        double each = bytes.median() / 1024 / services.count();
        double mebibytes = bytes.median() / (1 << 20);
        String shown = bytes.quantile(0) > 0
                ? String.format(Locale.ROOT, "%.1f; %.2f; %.2f", mebibytes, each, each / SampleServices.ENDPOINTS)
                : "less than others take and give back";
        table.note(title(what + ", MiB; KiB of a service; of an endpoint", services), shown);
    }

    /** A missing ruleset would be the fastest. */
    private static void requireService(BenchLane lane) {
        if (!isServed(lane)) {
            throw new IllegalStateException("the service does not answer");
        }
    }

    private static boolean isServed(BenchLane lane) {
        return Echo.answers(lane.client, SampleServices.address(0));
    }

    private void changes(
            ServicePlane.Kind kind, SampleServices services, ServiceCompiler compiler, ServiceBackend backend) {
        Samples samples = new Samples();
        for (int i = 0; i < CHANGES; i++) {
            // Another service each time, and each loses its fifth endpoint before it gets it back.
            int number = i / 2 * 7919 % services.count();
            int from = SampleServices.ENDPOINTS - i % 2;
            int to = SampleServices.ENDPOINTS - (i + 1) % 2;
            long start = System.nanoTime();
            ServiceChange change = compiler.apply(SampleServices.scale(number, from, to));
            backend.apply(change);
            samples.add((System.nanoTime() - start) / 1e6);
        }
        double p50 = samples.median();
        double p99 = samples.quantile(0.99);
        String measure = title(kind + ": one endpoint, %s, ms", services);
        if (services.count() == AIMED && kind != ServicePlane.Kind.iptables) {
            table.atMost(measure.formatted("p50"), "%.3f".formatted(p50), p50, 1, "ms");
            table.atMost(measure.formatted("p99"), "%.3f".formatted(p99), p99, 5, "ms");
        } else {
            table.note(measure.formatted("p50"), "%.3f".formatted(p50));
            table.note(measure.formatted("p99"), "%.3f".formatted(p99));
        }
    }

    /** Adds it in the same way. */
    private void kubeProxy(Path program, String mode, SampleServices services, List<Rival> rivals) throws Exception {
        String title = "kube-proxy, " + mode;
        terminal.line(title(title, services));
        BenchLane lane = lane();
        long start = System.nanoTime();
        KubeProxy process = new KubeProxy(program, mode, lane.node.namespace(), services::fill);
        Rival rival = new Rival(title, false, lane, process);
        rivals.add(rival);
        try {
            process.await(() -> isServed(lane));
            double seconds = (System.nanoTime() - start) / 1e9;
            if (only.contains(Part.first)) {
                noteTheirs(title("all in force, s", services), title, "%.2f".formatted(seconds));
            }
            if (only.contains(Part.effect)) {
                Samples samples = effects(process, lane);
                noteTheirs(
                        title("one endpoint, from the API to a connection, ms", services),
                        title,
                        samples.show("%.1f", false));
            }
        } catch (CommandFailedException e) {
            terminal.line(title + ": " + e.getMessage());
            withdraw(rival, "not within three minutes", services, rivals);
        }
    }

    private void noteTheirs(String measure, String title, String shown) {
        table.note(measure, "", title, shown, OptionalDouble.empty());
    }

    /** Whoever does not serve so many services is not waited for; what Ikat does is measured all the same. */
    private void withdraw(Rival rival, String why, SampleServices services, List<Rival> rivals) throws Exception {
        noteTheirs(title("in force", services), rival.title(), why);
        rivals.remove(rival);
        rival.close();
    }

    /** The time until the first service, which had no endpoint, is served. */
    private static Samples effects(KubeProxy process, BenchLane lane) throws InterruptedException {
        Samples samples = new Samples();
        for (int i = 0; i < EFFECTS; i++) {
            process.api.put(SampleServices.SLICES_PATH, "slice-0", SampleServices.sliceJson(0, 0));
            process.await(() -> !isServed(lane));
            // It waits for a second after each change before it makes the next.
            Thread.sleep(1500);
            long start = System.nanoTime();
            process.api.put(
                    SampleServices.SLICES_PATH, "slice-0", SampleServices.sliceJson(0, SampleServices.ENDPOINTS));
            while (!isServed(lane)) {
                LockSupport.parkNanos(200_000);
            }
            samples.add((System.nanoTime() - start) / 1e6);
            Thread.sleep(1500);
        }
        return samples;
    }

    private void connections(SampleServices services, List<Rival> rivals) throws Exception {
        terminal.line(title("connections", services));
        BackendsBench.pin("1");
        for (int round = -1; round < ROUNDS; round++) {
            for (Rival rival : List.copyOf(rivals)) {
                try {
                    rival.measure();
                } catch (UncheckedIOException e) {
                    if (rival.isOurs()) {
                        throw new IllegalStateException("the service of " + rival.title() + " does not answer", e);
                    }
                    terminal.line(rival.title() + ": " + e.getMessage());
                    withdraw(rival, "its service stops answering", services, rivals);
                }
                if (round < 0) {
                    rival.clear();
                }
            }
        }
        BackendsBench.pin("0-" + (PROCESSORS - 1));
        for (Rival ours : rivals) {
            if (ours.isOurs()) {
                besideDirect(services, ours);
                rivals.stream().filter(rival -> !rival.isOurs()).forEach(rival -> beside(services, ours, rival));
            }
        }
    }

    private void besideDirect(SampleServices services, Rival ours) {
        BenchLane lane = ours.lane();
        double share = ours.connections().dividedBy(lane.connections).median();
        shares.computeIfAbsent(ours.title(), _ -> new TreeMap<>()).put(services.count(), share);
        String measure = title(ours.title() + ": connections/s", services);
        String shown = ours.connections().show("%.0f", true);
        String direct = lane.connections.show("%.0f", true);
        if (ours.title().equals(ServicePlane.Kind.ebpf.name())) {
            table.atLeast(measure, shown, "the pod itself", direct, share, 1 / 1.1);
        } else {
            table.note(measure, shown, "the pod itself", direct, OptionalDouble.of(share));
        }
        table.note(
                title(ours.title() + ": round trip, us", services),
                ours.trips().show("%.1f", false),
                "the pod itself",
                lane.roundTrips.show("%.1f", false),
                OptionalDouble.of(ours.trips().dividedBy(lane.roundTrips).median()));
    }

    private void beside(SampleServices services, Rival ours, Rival rival) {
        table.atLeast(
                title(ours.title() + ": connections/s", services),
                ours.connections().show("%.0f", true),
                rival.title(),
                rival.connections().show("%.0f", true),
                ours.connections().dividedBy(rival.connections()).median(),
                1);
        table.note(
                title(ours.title() + ": round trip, us", services),
                ours.trips().show("%.1f", false),
                rival.title(),
                rival.trips().show("%.1f", false),
                OptionalDouble.of(ours.trips().dividedBy(rival.trips()).median()));
    }

    /** What the node itself sends. */
    private record FromNode(Rival rival, Samples connections, Samples trips, Samples direct, Samples directTrips) {
        FromNode(Rival rival) {
            this(rival, new Samples(), new Samples(), new Samples(), new Samples());
        }

        void measure() {
            TestNamespace node = rival.lane().node.namespace();
            Echo.measure(node, BenchLane.server(), direct, directTrips);
            Echo.measure(node, SampleServices.address(0), connections, trips);
        }
    }

    private void node(SampleServices services, List<Rival> rivals) {
        terminal.line(title("connections of the node", services));
        BackendsBench.pin("1");
        rivals.forEach(rival -> new FromNode(rival).measure());
        List<FromNode> all = rivals.stream().map(FromNode::new).toList();
        for (int round = 0; round < ROUNDS; round++) {
            all.forEach(FromNode::measure);
        }
        BackendsBench.pin("0-" + (PROCESSORS - 1));
        for (FromNode one : all) {
            String name = one.rival().title();
            table.note(
                    title(name + ": connections/s of the node", services),
                    one.connections().show("%.0f", true),
                    "the pod itself",
                    one.direct().show("%.0f", true),
                    OptionalDouble.of(one.connections().dividedBy(one.direct()).median()));
            table.note(
                    title(name + ": round trip of the node, us", services),
                    one.trips().show("%.1f", false),
                    "the pod itself",
                    one.directTrips().show("%.1f", false),
                    OptionalDouble.of(one.trips().dividedBy(one.directTrips()).median()));
        }
    }
}
