package dev.ikat.cni;

import dev.ikat.ipam.AddressExhaustedException;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressUnavailableException;
import dev.ikat.ipam.AttachmentTakenException;
import dev.ikat.ipam.IpamException;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseBusyException;
import dev.ikat.ipam.LeaseState;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.ipam.LeaseStoreException;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NamespaceGoneException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Rtnetlink;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The verbs of the CNI. An ADD is atomic: its steps are {@code lease}, {@code link}, {@code pod}, {@code policy},
 * {@code host}, {@code commit} and {@code answer}, and if one fails those before it are undone. DEL's steps are
 * {@code release}, {@code unroute}, {@code reap} and {@code answer}; the {@link Reaper} does those that follow.
 *
 * <p>Thread-safe. Requests for the same container have to be sequential.
 */
public final class CniPlugin {
    /** How often an ADD rebuilds lost leases and takes another address: after the first time, none is lost any more. */
    private static final int REBUILDS = 3;

    private final LeaseStore leases;
    private final NodeNetwork node;
    private final PodWiring wiring;
    private final LeaseRebuilder rebuilder;
    private final StoreMark mark;
    private final PodNetwork network;
    private final PodPolicy policy;
    private final Reaper reaper;
    private final StepObserver observer;

    /**
     * @param leases the lease store
     * @param node the namespace of the host ends of the pods' veth pairs
     * @param network what the plugin needs to know about the node
     * @param policy enforces pods' policies
     * @param reaper ends released leases
     * @param observer is called for each step
     */
    public CniPlugin(
            LeaseStore leases,
            NodeNetwork node,
            PodNetwork network,
            PodPolicy policy,
            Reaper reaper,
            StepObserver observer) {
        this.leases = leases;
        this.node = node;
        this.wiring = new PodWiring(node);
        this.rebuilder = new LeaseRebuilder(leases, node);
        this.mark = StoreMark.of(leases.directory());
        this.network = network;
        this.policy = policy;
        this.reaper = reaper;
        this.observer = observer;
    }

    /** Answers a request. Every failure becomes the error object in the answer. */
    public CniResponse handle(CniRequest request) {
        CniVersion version = CniVersion.NEWEST;
        try {
            Verb verb = verb(request);
            if (verb == Verb.VERSION) {
                return version(request);
            }
            Json document = Json.parseObject(request.stdin());
            version = NetworkConfigReader.version(document);
            if (!version.isAtLeast(verb.since())) {
                throw new CniException(
                        CniError.INCOMPATIBLE_VERSION,
                        verb + " is not part of CNI version " + version,
                        "it came with " + verb.since());
            }
            return new CniResponse(0, execute(verb, request, NetworkConfigReader.read(document, version)));
        } catch (CniException e) {
            return failure(version, e);
        } catch (NetlinkException e) {
            return failure(version, new CniException(CniError.KERNEL, "the kernel refused", e));
        } catch (IpamException e) {
            return failure(version, translated(e));
        } catch (ForeignStoreException e) {
            return failure(version, new CniException(CniError.IO_FAILURE, "Ikat can't work on this host", e));
        } catch (RuntimeException e) {
            return failure(version, new CniException(CniError.INTERNAL, "internal error: " + e, e));
        }
    }

    /**
     * Answers if the lease store can't be used: VERSION as always, DEL from the kernel's state alone, all other verbs
     * with the reason.
     *
     * @param node the namespace of the links
     */
    public static CniResponse unusable(CniRequest request, NodeNetwork node, RuntimeException reason) {
        try {
            return switch (verb(request)) {
                case VERSION -> version(request);
                case STATUS -> throw new CniException(CniError.NOT_AVAILABLE, "Ikat can't work on this host", reason);
                case DEL -> {
                    new PodWiring(node).deleteLink(PodLink.of(attachment(request, InterfaceName::new)));
                    yield new CniResponse(0, new byte[0]);
                }
                case ADD, CHECK, GC ->
                    throw new CniException(CniError.IO_FAILURE, "Ikat can't work on this host", reason);
            };
        } catch (CniException e) {
            return failure(CniVersion.NEWEST, e);
        }
    }

    /** Runtimes that only want to know the versions may give no configuration at all. */
    private static CniResponse version(CniRequest request) {
        String asked = request.stdin().length == 0
                ? CniVersion.NEWEST.toString()
                : Json.parseObject(request.stdin()).string("cniVersion").orElse(CniVersion.NEWEST.toString());
        return new CniResponse(0, CniWriter.versions(asked));
    }

    private static CniResponse failure(CniVersion version, CniException e) {
        return CniResponse.failure(e.error(), CniWriter.error(version, e));
    }

    private static CniException translated(IpamException e) {
        return switch (e) {
            // Another pod's end will free one: a condition that passes (section 5 "Error", code 11).
            case AddressExhaustedException full ->
                new CniException(CniError.TRY_AGAIN_LATER, "no address is free", full);
            case AddressUnavailableException unavailable ->
                new CniException(
                        CniError.INVALID_NETWORK_CONFIG, "the requested address can't be assigned", unavailable);
            case AttachmentTakenException taken ->
                new CniException(CniError.INTERFACE_TAKEN, "another network already has this interface", taken);
            case LeaseBusyException busy ->
                new CniException(CniError.TRY_AGAIN_LATER, "the interface is still being removed", busy);
            default -> new CniException(CniError.IO_FAILURE, "the lease store failed", e);
        };
    }

    private static Verb verb(CniRequest request) {
        String command = request.variable("CNI_COMMAND");
        return Verb.of(command)
                .orElseThrow(() -> new CniException(
                        CniError.INVALID_ENVIRONMENT,
                        command.isEmpty() ? "CNI_COMMAND is not set" : "unknown CNI_COMMAND '" + command + "'",
                        "it is one of ADD, DEL, CHECK, GC, STATUS, VERSION; a container runtime sets it"));
    }

    private byte[] execute(Verb verb, CniRequest request, NetworkConfig config) {
        return switch (verb) {
            case ADD -> add(request, config);
            case DEL -> del(request, config);
            case CHECK -> check(request, config);
            case GC -> collect(config);
            case STATUS -> status(config);
            case VERSION -> throw new IllegalStateException("VERSION needs no configuration");
        };
    }

    private byte[] add(CniRequest request, NetworkConfig config) {
        Attachment attachment = attachment(request, InterfaceName::ofPod);
        Path path = namespacePath(request);
        CniArguments arguments = CniArguments.parse(request.variable("CNI_ARGS"));
        // A plugin before it that makes no interface, and so has nothing in its result, does no harm.
        if (config.previousResult().filter(CniResult::hasInterface).isPresent()) {
            throw new CniException(
                    CniError.INVALID_NETWORK_CONFIG,
                    "Ikat must be the first plugin of its network that makes an interface",
                    "its configuration has a prevResult with one; move 'ikat' to the front of 'plugins'");
        }
        network.requireReady(config);
        try (NetworkNamespace pod = openPod(request, path);
                Rtnetlink inPod = Rtnetlink.open(pod)) {
            observer.reached(Verb.ADD, "lease");
            reaper.reapNow(attachment);
            Lease lease = lease(attachment, config, arguments);
            int mtu = network.mtu(config);
            if (lease.state() != LeaseState.ACTIVE
                    || !wiring.differences(lease, inPod).isEmpty()) {
                wire(lease, pod, inPod, mtu);
            } else {
                policy.enforce(lease).await();
            }
            observer.reached(Verb.ADD, "answer");
            return CniWriter.result(config.version(), result(lease, path, mtu, config));
        }
    }

    /** A lease whose addresses no running pod has, also where the store has lost that pod's lease. */
    private Lease lease(Attachment attachment, NetworkConfig config, CniArguments arguments) {
        Lease lease = allocate(attachment, config, arguments);
        for (int attempt = 0; attempt < REBUILDS; attempt++) {
            if (lease.state() == LeaseState.ACTIVE || wiring.otherHolder(lease).isEmpty()) {
                return lease;
            }
            leases.free(attachment);
            rebuilder.run();
            lease = allocate(attachment, config, arguments);
        }
        leases.free(attachment);
        throw new CniException(
                CniError.TRY_AGAIN_LATER,
                "every free address is in use by a running pod",
                "the leases of these pods were lost and are being rebuilt from their links; 'ip -d link' "
                        + "shows them");
    }

    private Lease allocate(Attachment attachment, NetworkConfig config, CniArguments arguments) {
        AddressPlan plan = network.addressPlan(config);
        List<IpAddress> requested = config.requestedAddresses().isEmpty()
                ? arguments.requestedAddress().stream().toList()
                : config.requestedAddresses();
        try {
            return leases.allocate(attachment, config.name(), arguments.pod(), plan, requested);
        } catch (AddressExhaustedException | AddressUnavailableException e) {
            // Addresses may be held by links that are about to be deleted: worth the wait for them.
            List<Lease> releasing = leases.leases().stream()
                    .filter(held -> held.state() == LeaseState.RELEASING)
                    .toList();
            if (releasing.isEmpty()) {
                throw e;
            }
            releasing.forEach(held -> reaper.reapNow(held.attachment()));
            return leases.allocate(attachment, config.name(), arguments.pod(), plan, requested);
        }
    }

    private void wire(Lease lease, NetworkNamespace pod, Rtnetlink inPod, int mtu) {
        PodLink link = PodLink.of(lease.attachment());
        // Takes effect while the pod is wired. Without the host's routes no packet passes.
        PodPolicy.Enforcement enforcement = policy.enforce(lease);
        try {
            observer.reached(Verb.ADD, "link");
            PodWiring.Ends ends = wiring.createLink(link, pod, inPod, mtu, network.gsoMaxSize());
            observer.reached(Verb.ADD, "pod");
            wiring.configurePod(lease, ends.pod(), pod, inPod);
            observer.reached(Verb.ADD, "policy");
            enforcement.await();
            observer.reached(Verb.ADD, "host");
            wiring.configureHost(lease, ends.host());
            PodWiring.awaitSending(ends.pod(), inPod);
            observer.reached(Verb.ADD, "commit");
            leases.activate(lease.attachment());
            wiring.mark(mark, link, ends.host());
        } catch (RuntimeException e) {
            undo(lease, link, e);
            throw e;
        }
    }

    /**
     * The routes and neighbours go with the link, and the address is not free before it is gone. What can't be undone
     * now, {@link Recovery} undoes.
     */
    private void undo(Lease lease, PodLink link, RuntimeException failure) {
        try {
            policy.release(lease);
            wiring.deleteLink(link);
            reaper.endConnections(lease);
            leases.free(lease.attachment());
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    private static CniResult result(Lease lease, Path path, int mtu, NetworkConfig config) {
        PodLink link = PodLink.of(lease.attachment());
        List<CniResult.Interface> interfaces = List.of(
                new CniResult.Interface(
                        link.hostName().value(),
                        Optional.of(PodLink.HOST_MAC.toString()),
                        Optional.of(mtu),
                        Optional.empty()),
                new CniResult.Interface(
                        lease.attachment().interfaceName().value(),
                        Optional.of(link.podMac().toString()),
                        Optional.of(mtu),
                        Optional.of(path.toString())));
        List<CniResult.Ip> ips = new ArrayList<>();
        List<CniResult.RouteEntry> routes = new ArrayList<>();
        for (IpAddress address : lease.addresses()) {
            Optional<IpAddress> gateway = Optional.of(PodLink.gateway(address.family()));
            ips.add(new CniResult.Ip(InterfaceAddress.host(address), gateway, Optional.of(1)));
            routes.add(new CniResult.RouteEntry(Cidr.all(address.family()), gateway));
        }
        return new CniResult(interfaces, ips, routes, config.dns());
    }

    private byte[] del(CniRequest request, NetworkConfig config) {
        Attachment attachment = attachment(request, InterfaceName::new);
        observer.reached(Verb.DEL, "release");
        Optional<Lease> known;
        try {
            known = leases.find(attachment);
        } catch (LeaseStoreException e) {
            // A DEL must not depend on a file: the lease of a link that is gone ends by itself.
            known = Optional.empty();
        }
        if (known.isEmpty()) {
            wiring.deleteLink(PodLink.of(attachment));
        }
        Optional<Lease> lease = known
                // Another network's interface of this name is none of this network's.
                .filter(found -> found.mayBeOf(config.name()))
                .flatMap(found -> leases.beginRelease(attachment));
        if (lease.isPresent()) {
            observer.reached(Verb.DEL, "unroute");
            wiring.unroute(lease.get());
            policy.release(lease.get());
            observer.reached(Verb.DEL, "reap");
            reaper.reap(lease.get());
        }
        observer.reached(Verb.DEL, "answer");
        return new byte[0];
    }

    private byte[] check(CniRequest request, NetworkConfig config) {
        Attachment attachment = attachment(request, InterfaceName::new);
        Path path = namespacePath(request);
        CniResult previous = config.previousResult()
                .orElseThrow(() -> new CniException(
                        CniError.INVALID_NETWORK_CONFIG,
                        "CHECK needs the prevResult of ADD",
                        "the runtime must pass it on (section 4 \"CHECK\")"));
        Lease lease = leases.find(attachment)
                .filter(found -> found.mayBeOf(config.name()) && found.state() == LeaseState.ACTIVE)
                .orElseThrow(() -> new CniException(
                        CniError.NOT_AS_ADDED, "there is no lease for " + attachment, "recreate the container"));
        List<String> differences = new ArrayList<>(previousDifferences(previous, lease));
        try (NetworkNamespace pod = openPod(request, path);
                Rtnetlink inPod = Rtnetlink.open(pod)) {
            differences.addAll(wiring.differences(lease, inPod));
        }
        if (!differences.isEmpty()) {
            throw new CniException(
                    CniError.NOT_AS_ADDED,
                    "the network of " + attachment + " is not as ADD left it",
                    String.join("; ", differences));
        }
        return new byte[0];
    }

    /** Where the result that the runtime kept contradicts the lease; later plugins may have added to it. */
    private static List<String> previousDifferences(CniResult previous, Lease lease) {
        PodLink link = PodLink.of(lease.attachment());
        List<String> differences = new ArrayList<>();
        Set<String> macs = Set.of(link.podMac().toString());
        if (previous.interfaces().stream()
                .noneMatch(found ->
                        found.name().equals(lease.attachment().interfaceName().value())
                                && found.sandbox().isPresent()
                                && found.mac().map(macs::contains).orElse(true))) {
            differences.add("the prevResult has no interface "
                    + lease.attachment().interfaceName() + " with the address " + link.podMac());
        }
        for (IpAddress address : lease.addresses()) {
            if (previous.ips().stream().noneMatch(ip -> ip.address().address().equals(address))) {
                differences.add("the prevResult lacks the leased address " + address);
            }
        }
        return differences;
    }

    private byte[] collect(NetworkConfig config) {
        Set<Attachment> valid = config.validAttachments()
                .orElseThrow(() -> new CniException(
                        CniError.INVALID_NETWORK_CONFIG,
                        "GC needs 'cni.dev/valid-attachments'",
                        "without it every attachment would be removed; pass an empty list if that is intended"));
        List<String> failures = new ArrayList<>();
        for (Lease lease : leases.leases()) {
            if (isOf(lease, config) && !isValid(lease, valid)) {
                try {
                    leases.beginRelease(lease.attachment()).ifPresent(wiring::unroute);
                    reaper.reapNow(lease.attachment());
                } catch (NetlinkException | IpamException e) {
                    // "A plugin should continue, removing as many resources as possible" (section 2 "GC").
                    failures.add(lease.attachment() + ": " + e.getMessage());
                }
            }
        }
        if (!failures.isEmpty()) {
            throw new CniException(
                    CniError.KERNEL, "not every stale attachment could be removed", String.join("; ", failures));
        }
        return new byte[0];
    }

    /** A rebuilt lease is of the network that gives such addresses: another's list says nothing about it. */
    private boolean isOf(Lease lease, NetworkConfig config) {
        if (!lease.isRebuilt()) {
            return lease.network().equals(config.name());
        }
        AddressPlan plan = network.addressPlan(config);
        return lease.addresses().stream()
                .allMatch(address ->
                        plan.ranges().stream().anyMatch(range -> range.subnet().contains(address)));
    }

    /** An attachment that is being made now is not on the runtime's list yet, and one without link is a leak. */
    private boolean isValid(Lease lease, Set<Attachment> valid) {
        return switch (lease.state()) {
            case PENDING -> true;
            case RELEASING -> false;
            case ACTIVE -> valid.contains(lease.attachment()) && node.isWired(lease);
        };
    }

    private byte[] status(NetworkConfig config) {
        Optional<CniException> problem = network.status(config);
        if (problem.isPresent()) {
            throw problem.get();
        }
        return new byte[0];
    }

    /** New interfaces are {@linkplain InterfaceName#ofPod named strictly}; whatever once was added can be deleted. */
    private static Attachment attachment(CniRequest request, Function<String, InterfaceName> name) {
        return new Attachment(
                variable(request, "CNI_CONTAINERID", ContainerId::new), variable(request, "CNI_IFNAME", name));
    }

    private static <T> T variable(CniRequest request, String name, Function<String, T> parse) {
        String value = request.variable(name);
        if (value.isEmpty()) {
            throw new CniException(CniError.INVALID_ENVIRONMENT, name + " is not set", "a container runtime sets it");
        }
        try {
            return parse.apply(value);
        } catch (IllegalArgumentException e) {
            throw new CniException(CniError.INVALID_ENVIRONMENT, name + " is invalid", e);
        }
    }

    private static Path namespacePath(CniRequest request) {
        return variable(request, "CNI_NETNS", Path::of);
    }

    private NetworkNamespace openPod(CniRequest request, Path path) {
        NetworkNamespace pod;
        try {
            pod = request.namespace().orElseGet(() -> NetworkNamespace.open(path));
        } catch (NamespaceGoneException e) {
            throw new CniException(CniError.UNKNOWN_CONTAINER, "the container's network namespace does not exist", e);
        }
        if (pod.inode() == node.namespace().inode()) {
            pod.close();
            throw new CniException(
                    CniError.INVALID_ENVIRONMENT,
                    "CNI_NETNS " + path + " is the node's own network namespace",
                    "a container on the host's network needs no CNI plugin");
        }
        return pod;
    }
}
