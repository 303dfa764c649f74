package dev.ikat.ebpf.kernel;

import dev.ikat.netlink.Errno;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What a kernel lacks, by names that somebody who configures one knows. */
public final class KernelSupport {
    /** Where a kernel has its types. */
    public static final Path TYPES = Path.of("/sys/kernel/btf/vmlinux");

    private KernelSupport() {}

    /**
     * What is missing first; empty if nothing is that can be told without loading the programs.
     *
     * @param types {@link #TYPES}
     * @param netfilter {@link BpfObject#NETFILTER}
     */
    public static Optional<String> missing(Path types, int netfilter) {
        if (!Files.isReadable(types)) {
            return Optional.of("the kernel does not tell its types, " + types + " (CONFIG_DEBUG_INFO_BTF)");
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
                        "bpf(2) is not permitted: CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed, and a seccomp"
                                + " profile that lets it pass";
                    case Errno.EINVAL ->
                        "the kernel has no eBPF programs for netfilter (Linux 6.4 with CONFIG_NETFILTER_BPF_LINK)";
                    default -> "the kernel loads no eBPF program for netfilter: " + Errno.name(-program);
                });
    }
}
