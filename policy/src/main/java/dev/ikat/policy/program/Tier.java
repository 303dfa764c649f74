package dev.ikat.policy.program;

/** The order in which policies are asked; the first tier that accepts or denies decides. */
public enum Tier {
    /** What the cluster's administrators insist on, before anything else. */
    ADMIN,
    /** The NetworkPolicy objects of the namespaces. */
    NETWORK_POLICY,
    /** What the cluster's administrators want where no NetworkPolicy says anything. */
    BASELINE
}
