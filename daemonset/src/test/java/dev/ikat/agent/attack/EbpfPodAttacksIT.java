package dev.ikat.agent.attack;

/** The attacks on eBPF. */
final class EbpfPodAttacksIT extends PodAttacks {
    EbpfPodAttacksIT() {
        super("--policy-backend=ebpf");
    }
}
