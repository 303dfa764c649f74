package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.host.FileTree;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.cni.HostSettings;
import dev.ikat.cni.PodLink;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.FakeNetlink;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.VethSpec;
import dev.ikat.netlink.route.VxlanSpec;
import dev.ikat.policy.program.PolicyProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UninstallerTest {
    private static final InterfaceName UPLINK = new InterfaceName("eth0");
    private static final IpAddress PEER = IpAddress.parse("192.168.0.2");

    private final FakeNetlink netlink = new FakeNetlink();
    private final FakeParameters parameters = new FakeParameters().with("net/ipv4/ip_forward", "1");
    private final FakeKernel kernel = new FakeKernel();
    private final FakeDataplane nftables = new FakeDataplane(kernel, "nftables");
    private final Dataplanes dataplanes = new Dataplanes(Map.of(Backend.NFTABLES, nftables), Backend.NONE);
    private final List<String> reported = new ArrayList<>();

    @TempDir
    private Path host;

    private Path run;
    private Path state;
    private Path conflist;
    private Path binaries;

    /** A host on which an agent has run that has wired a pod and joined another node. */
    @BeforeEach
    void install() throws IOException {
        run = host.resolve("run");
        Files.createDirectories(run.resolve("leases"));
        Files.writeString(run.resolve("leases/leases.log"), "a lease");
        Files.writeString(run.resolve(HostSettings.RECORD), "net/ipv4/ip_forward=0\n");
        state = Files.createDirectory(host.resolve("state"));
        Files.writeString(state.resolve("cluster.json.gz"), "a cluster");
        conflist = Files.createDirectory(host.resolve("net.d")).resolve("10-ikat.conflist");
        Files.writeString(conflist, "{}");
        binaries = Files.createDirectory(host.resolve("bin"));

        PodLink pod = PodLink.of(new Attachment(new ContainerId("c1"), new InterfaceName("eth0")));
        netlink.execute(
                Requests.create(VethSpec.of(UPLINK, new InterfaceName("far"))),
                Requests.change(LinkChange.of(UPLINK).up()),
                Requests.create(VethSpec.of(pod.hostName(), new InterfaceName("pod"))),
                Requests.change(LinkChange.of(pod.hostName()).alias(pod.alias())),
                Requests.create(VxlanSpec.of(new InterfaceName(LinkNames.OVERLAY), 4796, 8472)));
        int uplink = netlink.link(UPLINK).orElseThrow().index();
        Route own = Route.to(Cidr.parse("10.244.2.0/24")).link(uplink).viaOnlink(PEER);
        netlink.execute(
                Requests.add(Address.of(uplink, InterfaceAddress.parse("192.168.0.1/24"))),
                Requests.add(own),
                Requests.add(Route.to(Cidr.parse("10.9.0.0/24"))
                        .link(uplink)
                        .via(PEER)
                        .protocol(RouteProtocol.STATIC)));
        nftables.policy().replace(PolicyProgram.EMPTY);
        nftables.masquerading().reconcile(new MasqueradeState(Set.of(), Set.of()));
        nftables.guard()
                .reconcile(new GuardState(Optional.empty(), Set.of(), Set.of(), Set.of(), Set.of(), UPLINK, true));
    }

    private List<String> uninstall(Optional<Path> programs) {
        return new Uninstaller(run, state, conflist, programs).run(netlink, dataplanes, parameters, reported::add);
    }

    @Test
    void selfTestThatAnAgentsEndCutShortIsNoPodAndGoes() {
        PodLink left = PodLink.of(new Attachment(new ContainerId("ikat-self-test-a"), new InterfaceName("eth0")));
        netlink.execute(
                Requests.create(VethSpec.of(left.hostName(), new InterfaceName("probe"))),
                Requests.change(LinkChange.of(left.hostName()).alias(left.alias())));
        assertThat(Uninstaller.pods(netlink)).isEqualTo(1);

        assertThat(uninstall(Optional.of(binaries))).isEmpty();
        assertThat(netlink.link(left.hostName())).isEmpty();
    }

    @Test
    void hostIsAsItWasBefore() {
        assertThat(Uninstaller.pods(netlink)).isEqualTo(1);

        assertThat(uninstall(Optional.of(binaries))).isEmpty();

        assertThat(netlink.links())
                .extracting(link -> link.name().value())
                .containsExactlyInAnyOrder("lo", "eth0", "far");
        assertThat(netlink.routes(IpFamily.IPV4, RouteFilter.ALL))
                .extracting(Route::protocol)
                .containsExactly(RouteProtocol.STATIC);
        for (Capability capability : Capability.values()) {
            assertThat(kernel.kinds(capability)).as("%s", capability).isEmpty();
        }
        assertThat(parameters.read("net/ipv4/ip_forward")).isEqualTo("0");
        assertThat(List.of(conflist, run, state.resolve("cluster.json.gz"))).noneMatch(Files::exists);
        assertThat(Uninstaller.pods(netlink)).isZero();
    }

    @Test
    void eachThingThatIsGoneIsTold() {
        uninstall(Optional.of(binaries));
        assertThat(reported)
                .containsExactly(
                        "network configuration " + conflist,
                        "1 links to pods",
                        "overlay, policies and masquerade",
                        "setting net/ipv4/ip_forward is 0 again",
                        "programs in " + binaries,
                        "last known cluster in " + state,
                        "run directory " + run);
    }

    @Test
    void pluginsThatOthersHaveChainedGoWithIkatsAndAreNamed() throws IOException {
        Files.writeString(conflist, """
                {"name": "ikat", "plugins": [{"type": "ikat"}, {"type": "portmap"}, {"type": "istio-cni"}],
                 "dev.ikat/chain": ["portmap"]}""");
        uninstall(Optional.empty());
        assertThat(conflist).doesNotExist();
        assertThat(reported)
                .contains("network configuration " + conflist
                        + " with istio-cni, which others had added; install these again for the next network");
    }

    @Test
    void doingItAgainDoesNoHarm() {
        uninstall(Optional.empty());
        reported.clear();
        assertThat(uninstall(Optional.empty())).isEmpty();
        assertThat(reported).doesNotContain("1 links to pods", "last known cluster in " + state);
    }

    @Test
    void whatCannotGoIsToldAndTheRecordOfSettingsStays() {
        netlink.refuse("delete link", Errno.EPERM);
        kernel.refuseRemoval("nftables", "somebody holds the table");
        List<String> failures = uninstall(Optional.empty());
        assertThat(failures)
                .hasSize(7)
                .anyMatch(failure -> failure.startsWith("pods' links: ") && failure.contains("EPERM"))
                .anyMatch(failure -> failure.startsWith("overlay: "))
                .contains(
                        "policies: somebody holds the table",
                        "services: somebody holds the table",
                        "masquerading: somebody holds the table",
                        "source guard: somebody holds the table");
        assertThat(conflist).doesNotExist();
        assertThat(run.resolve(HostSettings.RECORD)).exists();

        netlink.refuseNothing();
        kernel.accept("nftables");
        assertThat(uninstall(Optional.empty())).isEmpty();
        assertThat(run).doesNotExist();
    }

    @Test
    void settingThatSomebodyElseHasPutBackIsLeft() {
        parameters.write("net/ipv4/ip_forward", "0");
        uninstall(Optional.empty());
        assertThat(reported).noneMatch(line -> line.startsWith("setting"));
    }

    @Test
    void settingOfALinkThatIsGoneKeepsNoOtherFromBeingRestored() throws IOException {
        Files.writeString(run.resolve(HostSettings.RECORD), "net/ipv4/ip_forward=0\nnet/ipv6/conf/eth7/accept_ra=1\n");
        assertThat(uninstall(Optional.empty())).isEmpty();
        assertThat(parameters.read("net/ipv4/ip_forward")).isEqualTo("0");
    }

    @Test
    void fileInTheRunDirectorysPlaceGoesToo() throws IOException {
        FileTree.delete(run);
        Files.writeString(run, "no directory");
        assertThat(uninstall(Optional.empty())).isEmpty();
        assertThat(run).doesNotExist();
    }
}
