package dev.ikat.policy.compiler;

import dev.ikat.policy.Pod;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import java.util.List;
import java.util.Optional;

/** An endpoint of this node and its program. */
final class EndpointRecord {
    final Endpoint endpoint;

    /** Empty if it is no pod's. */
    final Optional<PodRecord> pod;

    PodProgram program;

    /** What was last told of its host interface; empty if nothing was. */
    Optional<PodProgram> told = Optional.empty();

    /** What the program is made of. */
    List<RuleBlock> blocks = List.of();

    EndpointRecord(Endpoint endpoint, Optional<PodRecord> pod) {
        this.endpoint = endpoint;
        this.pod = pod;
        this.program = new PodProgram(endpoint, DirectionProgram.OPEN, DirectionProgram.OPEN);
    }

    /** The pod, if the cluster knows it. One on the host's network can't be the one that has this link. */
    Optional<Pod> known() {
        return pod.flatMap(found -> found.pod).filter(found -> !found.hostNetwork());
    }
}
