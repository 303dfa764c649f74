package dev.ikat.testbed.requirement;

import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A kernel feature that a test may need, each with a command that tries it in a namespace of its own. Configuration
 * files and module lists are not consulted: only whether it works matters.
 */
public enum KernelFeature {
    /** Virtual Ethernet pairs. */
    VETH("ip link add x0 type veth peer name x1"),
    /** The Ethernet bridge. */
    BRIDGE("ip link add x0 type bridge"),
    /** VXLAN links. */
    VXLAN("ip link add x0 type vxlan id 1 dstport 8472 local 127.0.0.1"),
    /** Interfaces without a peer. */
    DUMMY("ip link add x0 type dummy"),
    /** Intermediate functional block, by which the bandwidth plugin shapes ingress. */
    IFB("ip link add x0 type ifb"),
    /** The token bucket filter, by which the bandwidth plugin shapes. */
    TBF("tc qdisc add dev lo root tbf rate 1mbit burst 32kbit latency 400ms"),
    /** WireGuard links. */
    WIREGUARD("ip link add x0 type wireguard"),
    /** nf_tables. */
    NFTABLES("nft add table inet x"),
    /** nf_tables with network address translation. */
    NFTABLES_NAT("nft add table ip x; add chain ip x y { type nat hook postrouting priority 100; }; "
            + "add rule ip x y ip saddr 192.0.2.0/24 masquerade"),
    /** iptables of either variant, with the nat table. */
    IPTABLES_NAT("iptables -t nat -S"),
    /** Usable IPv6. */
    IPV6("ip -6 address add 2001:db8::1/128 dev lo nodad");

    private static final Map<KernelFeature, Optional<String>> ANSWERS = new ConcurrentHashMap<>();

    /** A command; nft takes its whole text as one argument or many alike, blanks between. */
    private final String attempt;

    KernelFeature(String attempt) {
        this.attempt = attempt;
    }

    /** Why the feature is not available, or empty if it is. Tried once in each process; needs root. */
    public Optional<String> missing() {
        return ANSWERS.computeIfAbsent(this, KernelFeature::attempt);
    }

    private static Optional<String> attempt(KernelFeature feature) {
        try (TestNamespace namespace = TestNamespace.create()) {
            ProcessResult result = ProcessRunner.of(namespace.entering(List.of(feature.attempt.split(" ", -1))))
                    .run();
            return result.succeeded()
                    ? Optional.empty()
                    : Optional.of("this kernel has no %s: '%s' said %s"
                            .formatted(feature, feature.attempt, result.stderr().strip()));
        } catch (CommandFailedException e) {
            return Optional.of("can't try %s: %s".formatted(feature, e.getMessage()));
        }
    }
}
