package dev.ikat.cluster;

/**
 * An object that decides what network policies allow: a policy, or one that a policy selects. It is sealed so that the
 * compiler of policies, the evaluator and the tests have to say what each of them means.
 */
public sealed interface PolicyObject extends ClusterObject permits Namespace, Pod, NetworkPolicy {}
