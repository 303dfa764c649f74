package dev.ikat.backendtests;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.random.Generator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Any program for some endpoints, with values at which mistakes would show: neighbours, holes, ends of ranges. */
final class RandomProgram {
    private static final ObjectKey POLICY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "random");

    private final Generator random;
    private final List<Endpoint> endpoints;
    private final List<Integer> ports;

    RandomProgram(Generator random, List<Endpoint> endpoints, List<Integer> ports) {
        this.random = random;
        this.endpoints = endpoints;
        this.ports = ports;
    }

    PolicyProgram next() {
        Map<SetId, AddressSet> sets = new HashMap<>();
        for (int i = random.between(0, 4); i > 0; i--) {
            AddressSet set = random.chance(0.3) ? portSet("p" + i) : addressSet("a" + i);
            sets.put(set.id(), set);
        }
        Map<InterfaceName, PodProgram> pods = new HashMap<>();
        for (Endpoint endpoint : endpoints) {
            pods.put(
                    endpoint.hostInterface(),
                    new PodProgram(
                            endpoint,
                            direction(Direction.INGRESS, List.copyOf(sets.values())),
                            direction(Direction.EGRESS, List.copyOf(sets.values()))));
        }
        return new PolicyProgram(sets, pods);
    }

    private IpAddress anyAddress() {
        return random.oneOf(random.oneOf(endpoints).addresses());
    }

    private AddressSet addressSet(String name) {
        Set<SetMember> members = new HashSet<>(random.listOf(0, 6, _ -> new SetMember.AddressMember(anyAddress())));
        return new AddressSet(new SetId(name), AddressSet.Form.ADDRESSES, "any", members);
    }

    private AddressSet portSet(String name) {
        Set<SetMember> members = new HashSet<>(random.listOf(
                0,
                6,
                _ -> new SetMember.PortMember(anyAddress(), random.oneOf(Protocol.values()), random.oneOf(ports))));
        return new AddressSet(new SetId(name), AddressSet.Form.PORTS, "any", members);
    }

    private DirectionProgram direction(Direction direction, List<AddressSet> sets) {
        List<TierProgram> tiers = new ArrayList<>();
        for (Tier tier : Tier.values()) {
            if (random.chance(tier == Tier.NETWORK_POLICY ? 0.5 : 0.15)) {
                List<CompiledRule> rules = random.listOf(0, 4, _ -> rule(direction, tier, sets));
                Action otherwise = tier == Tier.NETWORK_POLICY || random.chance(0.3) ? Action.DENY : Action.PASS;
                tiers.add(new TierProgram(
                        tier, rules, otherwise, otherwise == Action.DENY ? List.of(POLICY) : List.of()));
            }
        }
        return new DirectionProgram(tiers);
    }

    private CompiledRule rule(Direction direction, Tier tier, List<AddressSet> sets) {
        Action action = tier == Tier.NETWORK_POLICY ? Action.ACCEPT : random.oneOf(Action.values());
        RuleId id = new RuleId(POLICY, direction, random.between(0, 9));
        List<AddressSet> portSets =
                sets.stream().filter(set -> set.form() == AddressSet.Form.PORTS).toList();
        if (direction == Direction.EGRESS && !portSets.isEmpty() && random.chance(0.3)) {
            return new CompiledRule(
                    id,
                    action,
                    List.of(new PeerMatch.InSet(random.oneOf(portSets).id())),
                    List.of());
        }
        List<AddressSet> addressSets = sets.stream()
                .filter(set -> set.form() == AddressSet.Form.ADDRESSES)
                .toList();
        List<PeerMatch> peers = random.listOf(
                0,
                3,
                _ -> addressSets.isEmpty() || random.chance(0.5)
                        ? new PeerMatch.InBlock(block())
                        : new PeerMatch.InSet(random.oneOf(addressSets).id()));
        return new CompiledRule(id, action, peers, random.listOf(0, 3, _ -> span()));
    }

    private PortSpan span() {
        Protocol protocol = random.oneOf(Protocol.values());
        int port = random.oneOf(ports);
        return switch (random.between(0, 4)) {
            case 0 -> PortSpan.all(protocol);
            case 1 -> new PortSpan(protocol, 1, port);
            case 2 -> new PortSpan(protocol, port, 65535);
            case 3 -> new PortSpan(protocol, port - 1, port + 1);
            default -> new PortSpan(protocol, port, port);
        };
    }

    private IpBlock block() {
        IpAddress near = anyAddress();
        int bits = near.family().bits();
        Cidr cidr = Cidr.containing(near, random.oneOf(0, 8, bits - 4, bits - 3, bits - 2, bits - 1, bits));
        List<Cidr> holes = new ArrayList<>();
        for (int i = random.between(0, 3); i > 0; i--) {
            IpAddress hole = anyAddress();
            if (hole.family() == near.family() && cidr.contains(hole) && cidr.prefixLength() < bits) {
                holes.add(Cidr.containing(hole, random.between(cidr.prefixLength() + 1, bits)));
            }
        }
        return new IpBlock(cidr, holes);
    }

    /** What leads from one program to another. */
    static PolicyChange between(PolicyProgram before, PolicyProgram after) {
        List<AddressSet> added = new ArrayList<>();
        Map<SetId, PolicyChange.Members> changed = new HashMap<>();
        after.sets().forEach((id, set) -> {
            AddressSet old = before.sets().get(id);
            if (old == null) {
                added.add(set);
            } else if (!old.members().equals(set.members())) {
                Set<SetMember> come = new HashSet<>(set.members());
                come.removeAll(old.members());
                Set<SetMember> go = new HashSet<>(old.members());
                go.removeAll(set.members());
                changed.put(id, new PolicyChange.Members(come, go));
            }
        });
        Set<SetId> removed = new HashSet<>(before.sets().keySet());
        removed.removeAll(after.sets().keySet());
        List<PodProgram> programs = after.pods().values().stream()
                .filter(pod -> !pod.equals(before.pods().get(pod.endpoint().hostInterface())))
                .toList();
        List<Endpoint> gone = before.pods().values().stream()
                .map(PodProgram::endpoint)
                .filter(endpoint -> !after.pods().containsKey(endpoint.hostInterface()))
                .toList();
        return new PolicyChange(added, changed, programs, gone, removed);
    }

    /** The same program with half of what it may deny, for each half and each pod: what a smaller failure may need. */
    static List<PolicyProgram> halves(PolicyProgram program) {
        List<PolicyProgram> halves = new ArrayList<>();
        program.pods().forEach((name, pod) -> {
            for (Direction direction : Direction.values()) {
                DirectionProgram whole = direction == Direction.INGRESS ? pod.ingress() : pod.egress();
                for (DirectionProgram half : halves(whole)) {
                    Map<InterfaceName, PodProgram> pods = new HashMap<>(program.pods());
                    pods.put(
                            name,
                            direction == Direction.INGRESS
                                    ? new PodProgram(pod.endpoint(), half, pod.egress())
                                    : new PodProgram(pod.endpoint(), pod.ingress(), half));
                    halves.add(new PolicyProgram(program.sets(), pods));
                }
            }
        });
        return halves;
    }

    private static List<DirectionProgram> halves(DirectionProgram whole) {
        List<DirectionProgram> halves = new ArrayList<>();
        if (!whole.isOpen()) {
            halves.add(DirectionProgram.OPEN);
        }
        for (int i = 0; i < whole.tiers().size(); i++) {
            TierProgram tier = whole.tiers().get(i);
            int middle = tier.rules().size() / 2;
            if (!tier.rules().isEmpty()) {
                for (List<CompiledRule> rules : List.of(
                        tier.rules().subList(0, middle),
                        tier.rules().subList(middle, tier.rules().size()))) {
                    if (rules.size() < tier.rules().size()) {
                        List<TierProgram> tiers = new ArrayList<>(whole.tiers());
                        tiers.set(i, new TierProgram(tier.tier(), rules, tier.otherwise(), tier.isolatedBy()));
                        halves.add(new DirectionProgram(tiers));
                    }
                }
            }
        }
        return halves;
    }
}
