package dev.ikat.agent.conformance;

/** The cases on eBPF. */
final class EbpfPolicyConformanceIT extends PolicyConformance {
    EbpfPolicyConformanceIT() {
        super("--policy-backend=ebpf");
    }
}
