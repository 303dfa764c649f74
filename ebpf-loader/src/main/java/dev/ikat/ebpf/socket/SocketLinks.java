package dev.ikat.ebpf.socket;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfObject;
import dev.ikat.ebpf.kernel.Pins;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The links (Linux 5.7) by which the programs are attached to a control group. They have names, so that they outlive
 * the process, and let one program follow another between two system calls.
 */
final class SocketLinks {
    private final Pins pins;
    private final String prefix;
    private final BpfObject object;
    private final Path group;
    private final Map<SocketProgram, Attached> attached = new EnumMap<>(SocketProgram.class);

    private record Attached(int fd, Bpf.LinkInfo info) {}

    /** @param prefix of their names */
    SocketLinks(Pins pins, String prefix, BpfObject object, Path group) {
        this.pins = pins;
        this.prefix = prefix;
        this.object = object;
        this.group = group;
    }

    private static String pin(String prefix, SocketProgram program) {
        return prefix + program.program();
    }

    /**
     * Has these programs lead: they follow those of a former process, or are attached. Mends what somebody has changed.
     *
     * @throws BpfException if the kernel refuses one
     */
    void lead() {
        int target = number();
        int directory = Bpf.open(group);
        try {
            for (SocketProgram program : SocketProgram.values()) {
                lead(program, directory, target);
            }
        } finally {
            Bpf.close(directory);
        }
    }

    /** As properties of links have it. */
    private int number() {
        try {
            return ((Long) Files.getAttribute(group, "unix:ino")).intValue();
        } catch (IOException e) {
            throw new UncheckedIOException("look at the control group " + group, e);
        }
    }

    private void lead(SocketProgram program, int directory, int target) {
        int fd = object.programFd(program.program());
        String pin = pin(prefix, program);
        Optional<Integer> former = Optional.ofNullable(attached.remove(program)).map(Attached::fd);
        if (former.isEmpty()) {
            former = Bpf.pinned(pins.path(pin));
        }
        int link;
        if (former.isPresent() && Bpf.linkInfo(former.get()).target() == target && Bpf.update(former.get(), fd)) {
            link = former.get();
        } else {
            former.ifPresent(SocketLinks::end);
            link = Bpf.attach(fd, directory, program.type());
            if (link < 0) {
                throw new BpfException(
                        "attach the eBPF program %s to the control group %s (CONFIG_CGROUP_BPF)"
                                .formatted(program.program(), group),
                        -link);
            }
            pins.remove(pin);
        }
        attached.put(program, new Attached(link, new Bpf.LinkInfo(Bpf.programId(fd), target)));
        if (!pins.has(pin)) {
            Bpf.pin(link, pins.path(pin));
        }
    }

    private static void end(int link) {
        Bpf.detach(link);
        Bpf.close(link);
    }

    /** What is not as it was attached, a line a difference. */
    List<String> differences() {
        List<String> differences = new ArrayList<>();
        for (SocketProgram program : SocketProgram.values()) {
            Attached link = attached.get(program);
            if (link == null || !Bpf.linkInfo(link.fd()).equals(link.info())) {
                differences.add("the program " + program.program() + " of sockets is not attached to " + group);
            } else if (!pins.has(pin(prefix, program))) {
                differences.add("the name " + pins.path(pin(prefix, program)) + " is gone");
            }
        }
        return differences;
    }

    /** Detaches those that any process has attached; what translates goes first. */
    static void end(Pins pins, String prefix) {
        for (SocketProgram program : Arrays.asList(SocketProgram.values()).reversed()) {
            String pin = pin(prefix, program);
            if (pins.has(pin)) {
                Bpf.pinned(pins.path(pin)).ifPresent(SocketLinks::end);
                pins.remove(pin);
            }
        }
    }

    /** Lets go of them; they stay in force. */
    void close() {
        attached.values().forEach(link -> Bpf.close(link.fd()));
        attached.clear();
    }
}
