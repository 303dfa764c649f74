package dev.ikat.ebpf.kernel;

import dev.ikat.netlink.Errno;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What a kernel lacks, by the names under which it is configured. */
public final class KernelSupport {
    /** The file with the kernel's type information (BTF). */
    public static final Path TYPES = Path.of("/sys/kernel/btf/vmlinux");

    private KernelSupport() {}

    /**
     * The first thing that is missing; empty if nothing is, as far as can be told without loading the programs.
     *
     * @param types {@link #TYPES}
     * @param netfilter {@link BpfObject#NETFILTER}
     */
    public static Optional<String> missing(Path types, int netfilter) {
        if (!Files.isReadable(types)) {
            return Optional.of("the kernel has no type information (BTF) at " + types + " (CONFIG_DEBUG_INFO_BTF)");
        }
        int program = Bpf.loadProgram(netfilter, Bpf.BPF_NETFILTER);
        if (program >= 0) {
            Bpf.close(program);
            return Optional.empty();
        }
        return Optional.of(
                switch (-program) {
                    case Errno.ENOSYS -> "the kernel has no bpf(2) (CONFIG_BPF_SYSCALL)";
                    case Errno.EPERM ->
                        "bpf(2) is not permitted: it needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and a seccomp "
                                + "profile that allows it";
                    case Errno.EINVAL ->
                        "the kernel has no eBPF programs for netfilter (Linux 6.4 with CONFIG_NETFILTER_BPF_LINK)";
                    default -> "the kernel loads no eBPF program for netfilter: " + Errno.name(-program);
                });
    }
}
