package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
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
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What every policy backend, the kernel's and the one in memory, has to do with the programs that it is given, as far
 * as that can be seen without packets.
 */
public abstract class ProgramContract {
    protected static final ObjectKey POLICY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web");
    protected static final SetId CLIENTS = new SetId("sclients");

    /** Open, with nothing in force: set before each test by the kind of backend. */
    @SuppressWarnings("NullAway.Init")
    protected PolicyBackend backend;

    /** The state of this kind of backend without its counters: the same before and after. */
    protected abstract String state();

    protected static InterfaceName hostInterface(int number) {
        return endpoint(number).hostInterface();
    }

    protected static IpAddress v4(int number) {
        return IpAddress.parse("10.244.1." + number);
    }

    protected static IpAddress v6(int number) {
        return IpAddress.parse("fd00:10:244:1::" + number);
    }

    protected static Endpoint endpoint(int number) {
        return RoutedNode.endpoint(number);
    }

    protected static PodProgram open(int number) {
        return new PodProgram(endpoint(number), DirectionProgram.OPEN, DirectionProgram.OPEN);
    }

    protected static DirectionProgram isolated(CompiledRule... rules) {
        return new DirectionProgram(
                List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(rules), Action.DENY, List.of(POLICY))));
    }

    protected static CompiledRule rule(Action action, List<PeerMatch> peers, PortSpan... ports) {
        return new CompiledRule(new RuleId(POLICY, Direction.INGRESS, 0), action, peers, List.of(ports));
    }

    protected static PortSpan tcp(int port) {
        return new PortSpan(Protocol.TCP, port, port);
    }

    protected static List<PeerMatch> clients() {
        return List.of(new PeerMatch.InSet(CLIENTS));
    }

    protected static List<PeerMatch> block(String cidr, String... except) {
        return List.of(new PeerMatch.InBlock(
                new IpBlock(Cidr.parse(cidr), Stream.of(except).map(Cidr::parse).toList())));
    }

    protected static AddressSet set(int... numbers) {
        return new AddressSet(CLIENTS, AddressSet.Form.ADDRESSES, "pods app=client", members(numbers));
    }

    protected static Set<SetMember> members(int... numbers) {
        return java.util.Arrays.stream(numbers)
                .boxed()
                .flatMap(n ->
                        Stream.<SetMember>of(new SetMember.AddressMember(v4(n)), new SetMember.AddressMember(v6(n))))
                .collect(Collectors.toSet());
    }

    protected static PolicyProgram program(List<AddressSet> sets, PodProgram... pods) {
        return new PolicyProgram(
                sets.stream().collect(Collectors.toMap(AddressSet::id, s -> s)),
                Stream.of(pods).collect(Collectors.toMap(p -> p.endpoint().hostInterface(), p -> p)));
    }

    protected static PolicyProgram ingress(List<AddressSet> sets, CompiledRule... rules) {
        return program(sets, new PodProgram(endpoint(1), isolated(rules), DirectionProgram.OPEN), open(2), open(3));
    }

    private static PolicyChange members(Set<SetMember> added, Set<SetMember> removed) {
        return new PolicyChange(
                List.of(), Map.of(CLIENTS, new PolicyChange.Members(added, removed)), List.of(), List.of(), Set.of());
    }

    @Test
    protected void programInForceDoesNotDiffer() {
        assertThat(backend.probe()).isEmpty();
        PolicyProgram friends = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        assertThat(backend.audit(friends)).containsExactly("it is not known what is in force");
        backend.replace(friends);
        assertThat(backend.audit(friends)).isEmpty();

        backend.apply(members(members(3), members(2)));
        assertThat(backend.audit(ingress(List.of(set(3)), rule(Action.ACCEPT, clients(), tcp(80)))))
                .isEmpty();

        PolicyProgram closed = ingress(List.of());
        backend.replace(closed);
        assertThat(backend.audit(closed)).isEmpty();
    }

    /** Something that changes what is in force behind the backend's back. */
    protected interface Damage {
        void run() throws Exception;
    }

    /** Puts the program in force: damage to it is found, and is no more when the program was put in force again. */
    protected final void assertDriftIsRepaired(PolicyProgram program, Damage damage) throws Exception {
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        damage.run();
        assertThat(backend.audit(program)).isNotEmpty();
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
    }

    @Test
    protected void podsAndSetsComeAndGo() {
        backend.replace(program(List.of(), open(1), open(2)));

        PodProgram isolated =
                new PodProgram(endpoint(1), isolated(rule(Action.ACCEPT, clients(), tcp(80))), DirectionProgram.OPEN);
        backend.apply(new PolicyChange(List.of(set(3)), Map.of(), List.of(isolated, open(3)), List.of(), Set.of()));
        assertThat(backend.audit(program(List.of(set(3)), isolated, open(2), open(3))))
                .isEmpty();

        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(open(1)), List.of(endpoint(3)), Set.of(CLIENTS)));
        assertThat(backend.audit(program(List.of(), open(1), open(2)))).isEmpty();
    }

    @Test
    protected void changesLeadToWhatAReplacementWouldMake() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        backend.apply(new PolicyChange(
                List.of(),
                Map.of(),
                List.of(new PodProgram(endpoint(1), isolated(), DirectionProgram.OPEN)),
                List.of(),
                Set.of(CLIENTS)));
        PolicyProgram closed = ingress(List.of());
        assertThat(backend.audit(closed)).isEmpty();
        backend.replace(closed);
        assertThat(backend.audit(closed)).isEmpty();
        afterChanges();
    }

    @Test
    protected void nothingIsChangedBeforeAWholeProgramIsInForce() {
        assertThatThrownBy(() -> backend.apply(members(members(3), members())))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessageContaining("the whole program has to be put in force first");
    }

    @Test
    protected void refusedChangeLeavesWhatWas() {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        assertThatThrownBy(() -> backend.apply(members(members(3), members(9))))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessageContaining("sclients");
        assertThat(backend.audit(program)).containsExactly("it is not known what is in force");
        assertThatThrownBy(() ->
                        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(open(1)), List.of(), Set.of())))
                .hasMessageContaining("the whole program has to be put in force first");
        afterRefusedChange();
    }

    @Test
    protected void whatWasRefusedCanBeReplaced() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        assertThatThrownBy(() -> backend.apply(members(members(3), members(9))))
                .isInstanceOf(PolicyBackendException.class);
        PolicyProgram closed = ingress(List.of());
        backend.replace(closed);
        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(open(1)), List.of(), Set.of()));
        assertThat(backend.audit(program(List.of(), open(1), open(2), open(3)))).isEmpty();
    }

    @Test
    protected void whoHandsOverEnforcesAsBefore() {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        backend.handOver();
        assertThat(backend.audit(program)).isEmpty();
        backend.apply(members(members(3), members()));
        assertThat(backend.audit(ingress(List.of(set(2, 3)), rule(Action.ACCEPT, clients(), tcp(80)))))
                .isEmpty();
    }

    @Test
    protected void removalLeavesNothing() {
        String before = state();
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        assertThat(state()).isNotEqualTo(before);
        assertThat(backend.audit(program)).isEmpty();
        backend.remove();
        assertThat(backend.audit(program)).isNotEmpty();
        backend.remove();
        assertThat(state()).isEqualTo(before);
        afterRemoval();
    }

    /** What packets meet once a change was refused; only the kernel has packets. */
    protected void afterRefusedChange() {}

    /** What packets meet once everything was removed. */
    protected void afterRemoval() {}

    /** What packets meet once every pod was closed by a change. */
    protected void afterChanges() {}
}
