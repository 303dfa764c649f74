package dev.ikat.policy.program;

/** The order in which policies are asked; the first tier that accepts or denies decides. */
public enum Tier {
    /** The policies of the cluster's administrators that precede all others. */
    ADMIN,
    /** The NetworkPolicy objects of the namespaces. */
    NETWORK_POLICY,
    /** The policies of the cluster's administrators that apply where no NetworkPolicy decides. */
    BASELINE
}
