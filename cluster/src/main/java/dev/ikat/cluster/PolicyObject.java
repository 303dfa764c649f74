package dev.ikat.cluster;

/**
 * An object that decides what network policies allow: a policy, or an object that a policy selects. It is sealed so
 * that the policy compiler, the evaluator and the tests have to handle each kind.
 */
public sealed interface PolicyObject extends ClusterObject permits Namespace, Pod, NetworkPolicy {}
