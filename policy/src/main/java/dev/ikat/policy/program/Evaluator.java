package dev.ikat.policy.program;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Decision.Entry;
import dev.ikat.policy.program.PeerMatch.InBlock;
import dev.ikat.policy.program.PeerMatch.InSet;
import dev.ikat.policy.program.SetMember.AddressMember;
import dev.ikat.policy.program.SetMember.PortMember;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Says whether a program allows a flow, and by which rule; every backend has to agree with it. It is about the first
 * packet of a connection that crosses the node. It does not cover replies and the errors that belong to an accepted
 * connection, and what the node itself sends to its pods, which always pass; nor a pod's packet from an address that is
 * not its own, which never passes. It is as constant and as thread-safe as the program that it looks into.
 */
public final class Evaluator implements PolicyView {
    private final ProgramLookup lookup;

    /** An evaluator of this program. */
    public Evaluator(PolicyProgram program) {
        this(Snapshot.of(program));
    }

    /** An evaluator that looks the program up for each question. */
    public Evaluator(ProgramLookup lookup) {
        this.lookup = lookup;
    }

    private record Snapshot(Map<SetId, AddressSet> sets, Map<IpAddress, PodProgram> programs) implements ProgramLookup {
        static Snapshot of(PolicyProgram program) {
            Map<IpAddress, PodProgram> programs = new HashMap<>();
            for (PodProgram pod : program.pods().values()) {
                for (IpAddress address : pod.endpoint().addresses()) {
                    programs.put(address, pod);
                }
            }
            return new Snapshot(program.sets(), programs);
        }

        @Override
        public Optional<PodProgram> program(IpAddress address) {
            return Optional.ofNullable(programs.get(address));
        }

        @Override
        public Members members(SetId id) {
            AddressSet set = sets.get(id);
            if (set == null) {
                throw new IllegalStateException("a rule of the program refers to the unknown set " + id);
            }
            return set;
        }
    }

    @Override
    public Optional<Endpoint> endpoint(IpAddress address) {
        return lookup.program(address).map(PodProgram::endpoint);
    }

    @Override
    public Verdict evaluate(Flow flow) {
        if (flow.source().equals(flow.destination())) {
            return Verdict.of(Optional.empty(), Optional.empty());
        }
        Optional<Decision> egress = lookup.program(flow.source())
                .map(sender -> decide(sender, Direction.EGRESS, sender.egress(), flow, flow.destination()));
        Optional<Decision> ingress = lookup.program(flow.destination())
                .map(receiver -> decide(receiver, Direction.INGRESS, receiver.ingress(), flow, flow.source()));
        return Verdict.of(egress, ingress);
    }

    private Decision decide(PodProgram pod, Direction direction, DirectionProgram program, Flow flow, IpAddress peer) {
        for (TierProgram tier : program.tiers()) {
            Optional<Decision> decision = decide(pod, direction, tier, flow, peer);
            if (decision.isPresent()) {
                return decision.get();
            }
        }
        return new Decision(
                pod.endpoint(),
                direction,
                Action.ACCEPT,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of());
    }

    /** Empty if the tier passes it on. */
    private Optional<Decision> decide(
            PodProgram pod, Direction direction, TierProgram tier, Flow flow, IpAddress peer) {
        for (CompiledRule rule : tier.rules()) {
            if (!portMatches(rule.ports(), flow)) {
                continue;
            }
            Optional<Entry> entry = peerMatch(rule.peers(), flow, peer);
            if (entry.isEmpty() && !rule.peers().isEmpty()) {
                continue;
            }
            return rule.action() == Action.PASS
                    ? Optional.empty()
                    : Optional.of(new Decision(
                            pod.endpoint(),
                            direction,
                            rule.action(),
                            Optional.of(tier.tier()),
                            Optional.of(rule.id()),
                            entry,
                            List.of()));
        }
        return tier.otherwise() == Action.PASS
                ? Optional.empty()
                : Optional.of(new Decision(
                        pod.endpoint(),
                        direction,
                        tier.otherwise(),
                        Optional.of(tier.tier()),
                        Optional.empty(),
                        Optional.empty(),
                        tier.isolatedBy()));
    }

    private static boolean portMatches(List<PortSpan> ports, Flow flow) {
        if (ports.isEmpty()) {
            return true;
        }
        for (PortSpan span : ports) {
            if (span.protocol().number() == flow.ipProtocol()
                    && span.first() <= flow.destinationPort()
                    && flow.destinationPort() <= span.last()) {
                return true;
            }
        }
        return false;
    }

    private Optional<Entry> peerMatch(List<PeerMatch> peers, Flow flow, IpAddress peer) {
        for (PeerMatch match : peers) {
            Optional<Entry> entry = switch (match) {
                case InSet(SetId set) -> memberOf(set, flow, peer);
                case InBlock(IpBlock block) ->
                    blockHolds(block, peer) ? Optional.of(new Entry.Block(block)) : Optional.empty();
            };
            if (entry.isPresent()) {
                return entry;
            }
        }
        return Optional.empty();
    }

    private Optional<Entry> memberOf(SetId id, Flow flow, IpAddress peer) {
        ProgramLookup.Members set = lookup.members(id);
        Optional<SetMember> member = switch (set.form()) {
            case ADDRESSES -> Optional.of(new AddressMember(peer));
            case PORTS -> portMember(flow, peer);
        };
        return member.filter(set::contains).map(found -> new Entry.Member(id, set.meaning(), found));
    }

    private static Optional<SetMember> portMember(Flow flow, IpAddress peer) {
        for (Protocol protocol : Protocol.values()) {
            if (protocol.number() == flow.ipProtocol() && flow.destinationPort() != 0) {
                return Optional.of(new PortMember(peer, protocol, flow.destinationPort()));
            }
        }
        return Optional.empty();
    }

    private static boolean blockHolds(IpBlock block, IpAddress address) {
        return block.cidr().contains(address) && block.except().stream().noneMatch(hole -> hole.contains(address));
    }
}
