package dev.ikat.policy.compiler;

import dev.ikat.cluster.Pod;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import java.util.List;
import java.util.Optional;

/** An endpoint of this node and its program. */
final class EndpointRecord {
    final Endpoint endpoint;

    /** Whose it is; empty if it is no pod's, or nobody can say. */
    Optional<PodRecord> pod = Optional.empty();

    /** Whether it may be a pod's of which nobody can say which one: then nothing passes. */
    boolean unclear;

    PodProgram program;

    /** What was last told of its host interface; empty if nothing was. */
    Optional<PodProgram> told = Optional.empty();

    /** What the program is made of. */
    List<RuleBlock> blocks = List.of();

    EndpointRecord(Endpoint endpoint) {
        this.endpoint = endpoint;
        this.program = new PodProgram(endpoint, DirectionProgram.OPEN, DirectionProgram.OPEN);
    }

    /** The pod, if the cluster knows it. One on the host's network can't be the one that has this link. */
    Optional<Pod> known() {
        return pod.flatMap(found -> found.pod).filter(found -> !found.hostNetwork());
    }
}
