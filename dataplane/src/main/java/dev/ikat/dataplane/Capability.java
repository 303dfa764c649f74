package dev.ikat.dataplane;

/** Something that a dataplane can do for a node. */
public enum Capability {
    /** Enforce network policies: {@link PolicyBackend}. */
    POLICY,
    /** Masquerade pods' addresses for everything outside the cluster: {@link Masquerading}. */
    MASQUERADE,
    /** Believe a packet's source only on the way that this source's packets come: {@link SourceGuard}. */
    GUARD,
    /** Have the host's own firewall accept what Ikat lets pass: {@link FirewallAcceptance}. */
    ACCEPTANCE,
    /** Send connections to services to their backends: {@link ServiceBackend}. */
    SERVICES
}
