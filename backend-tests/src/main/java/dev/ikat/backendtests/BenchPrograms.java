package dev.ikat.backendtests;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Programs of any size, for benchmarks. */
public final class BenchPrograms {
    /** How many pods a node has: the limit of a kubelet by default. */
    public static final int PODS = 110;

    private BenchPrograms() {}

    /** This many members that no other set has. */
    public static AddressSet set(int number, int members) {
        Set<SetMember> addresses = new HashSet<>();
        for (int i = 0; i < members; i++) {
            addresses.add(new SetMember.AddressMember(IpAddress.v4((11 << 24) + (number << 14) + i)));
        }
        return new AddressSet(new SetId("s" + number), AddressSet.Form.ADDRESSES, "selector " + number, addresses);
    }

    /**
     * Policies that each allow the members of one set to reach one port of one pod, distributed evenly over the pods.
     */
    public static PolicyProgram program(int policies, int selectors, int membersOfEach) {
        Map<SetId, AddressSet> sets = new HashMap<>();
        Map<Integer, List<CompiledRule>> rules = new HashMap<>();
        for (int i = 0; i < policies; i++) {
            AddressSet set = set(i % selectors, membersOfEach);
            sets.putIfAbsent(set.id(), set);
            int port = 1000 + i / PODS;
            rules.computeIfAbsent(1 + i % PODS, _ -> new ArrayList<>())
                    .add(rule(i, new PeerMatch.InSet(set.id()), port));
        }
        Map<InterfaceName, PodProgram> pods = new HashMap<>();
        for (int pod = 1; pod <= PODS; pod++) {
            PodProgram program = pod(pod, rules.getOrDefault(pod, List.of()));
            pods.put(program.endpoint().hostInterface(), program);
        }
        return new PolicyProgram(sets, pods);
    }

    /** A pod that these rules isolate; without rules it is open. */
    public static PodProgram pod(int number, List<CompiledRule> rules) {
        DirectionProgram ingress = rules.isEmpty()
                ? DirectionProgram.OPEN
                : new DirectionProgram(List.of(new TierProgram(
                        Tier.NETWORK_POLICY,
                        rules,
                        Action.DENY,
                        List.of(rules.getFirst().id().policy()))));
        return new PodProgram(RoutedNode.endpoint(number), ingress, DirectionProgram.OPEN);
    }

    /** A policy's rule that allows a peer to reach a TCP port. */
    public static CompiledRule rule(int number, PeerMatch peer, int port) {
        ObjectKey policy = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "policy-" + number);
        return new CompiledRule(
                new RuleId(policy, Direction.INGRESS, 0),
                Action.ACCEPT,
                List.of(peer),
                List.of(new PortSpan(Protocol.TCP, port, port)));
    }
}
