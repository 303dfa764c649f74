package dev.ikat.agent.it;

/** On eBPF. */
final class EbpfPolicyIT extends PolicyBehaviour {
    EbpfPolicyIT() {
        super("--policy-backend=ebpf");
    }
}
