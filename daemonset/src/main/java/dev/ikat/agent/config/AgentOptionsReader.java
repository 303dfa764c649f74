package dev.ikat.agent.config;

import dev.ikat.agent.overlay.ChecksumOffload;
import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.cluster.InvalidObjectException;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.kubernetes.ApiAddress;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.event.Level;

/** Turns the configuration into the agent's options, or reports everything that is wrong with it. */
public final class AgentOptionsReader {
    private static final int MAX_VNI = (1 << 24) - 1;

    /** {@code GSO_MAX_SIZE}, linux/netdevice.h. */
    private static final int MAX_GSO = 524_280;

    private final OptionReader reader;

    private AgentOptionsReader(OptionReader reader) {
        this.reader = reader;
    }

    /**
     * Checks everything, including what the options require of the host.
     *
     * @throws InvalidConfigurationException that names every error
     */
    public static AgentOptions read(Configuration configuration) {
        OptionReader reader = new OptionReader(configuration);
        AgentOptions options = new AgentOptionsReader(reader).options();
        if (!reader.faults().isEmpty()) {
            throw new InvalidConfigurationException(reader.faults());
        }
        return options;
    }

    private AgentOptions options() {
        if (!reader.isGiven(Setting.NODE_NAME)) {
            reader.missing("neither --node-name nor the environment variable NODE_NAME is set");
        }
        String nodeName = reader.parse(Setting.NODE_NAME, "", AgentOptionsReader::nodeName, "");
        ClusterOrigin cluster = cluster();
        String conflistName = reader.text(Setting.CONFLIST_NAME);
        if (conflistName.contains("/") || !conflistName.endsWith(".conflist")) {
            reader.fault(
                    Setting.CONFLIST_NAME,
                    "'" + conflistName + "' is invalid: it has to be a file name that ends in .conflist");
        }
        List<ChainedPlugin> chain = chain();
        boolean keepChained = reader.truth(Setting.KEEP_CHAINED);
        OverlaySettings overlay = overlay();
        Optional<InterfaceName> uplink = reader.parse(
                Setting.UPLINK,
                Optional.<InterfaceName>empty(),
                text -> text.isEmpty() ? Optional.empty() : Optional.of(new InterfaceName(text)),
                "");
        Listen listen = reader.parse(Setting.LISTEN, new Listen.Nowhere(), Listen::parse, "");
        boolean masquerade = reader.truth(Setting.MASQUERADE);
        boolean masqueradeForeign = reader.truth(Setting.MASQUERADE_FOREIGN);
        if (masqueradeForeign && !masquerade) {
            reader.fault(Setting.MASQUERADE_FOREIGN, "needs --masquerade=true");
        }
        Duration interval = reader.duration(Setting.RECONCILE_INTERVAL);
        Duration grace = reader.duration(Setting.LEASE_GRACE);
        int gsoMaxSize = reader.number(Setting.POD_GSO_MAX_SIZE, 0, MAX_GSO);
        int threads = reader.number(Setting.REQUEST_THREADS, 1, 256);
        Optional<FaultPoint> fault = reader.parse(
                Setting.KILL_AT,
                Optional.<FaultPoint>empty(),
                text -> text.isEmpty() ? Optional.empty() : Optional.of(FaultPoint.parse(text)),
                "");
        PolicySettings policy = PolicySettingsReader.read(reader);
        ServiceOptions services = services();
        AnnounceOptions announce = announce();
        BgpOptions bgp = BgpOptionsReader.read(reader, overlay.mode());
        FixedPodCidrs podCidrs = reader.parse(Setting.POD_CIDRS, FixedPodCidrs.NONE, FixedPodCidrs::parse, "");
        LogSettings log = new LogSettings(
                reader.parse(
                        Setting.LOG_FORMAT,
                        LogSettings.Format.TEXT,
                        text -> LogSettings.Format.valueOf(text.toUpperCase(Locale.ROOT)),
                        "is invalid: it has to be text or json"),
                reader.parse(
                        Setting.LOG_LEVEL,
                        Level.INFO,
                        text -> Level.valueOf(text.toUpperCase(Locale.ROOT)),
                        "is invalid: it has to be trace, debug, info, warn or error"));
        return new AgentOptions(
                nodeName,
                cluster,
                podCidrs,
                path(Setting.RUN_DIR).toAbsolutePath(),
                path(Setting.STATE_DIR).toAbsolutePath(),
                path(Setting.CNI_CONF_DIR).toAbsolutePath(),
                Stream.of(reader.text(Setting.CNI_BIN_DIR).split(":", -1))
                        .filter(directory -> !directory.isEmpty())
                        .map(directory -> Path.of(directory).toAbsolutePath())
                        .toList(),
                conflistName,
                chain,
                keepChained,
                overlay,
                uplink,
                masquerade,
                masqueradeForeign,
                policy,
                services,
                announce,
                bgp,
                listen,
                interval,
                grace,
                threads,
                gsoMaxSize == 0 ? Optional.empty() : Optional.of(gsoMaxSize),
                log,
                fault);
    }

    private static String nodeName(String text) {
        try {
            return text.isEmpty() ? text : new ObjectKey(ObjectKind.NODE, "", text).name();
        } catch (InvalidObjectException e) {
            throw new IllegalArgumentException(e.reason() + ", as the Node object's name", e);
        }
    }

    private List<ChainedPlugin> chain() {
        List<ChainedPlugin> chain = new ArrayList<>();
        for (String element : reader.list(Setting.CHAIN)) {
            try {
                chain.add(ChainedPlugin.parse(element));
            } catch (IllegalArgumentException e) {
                reader.fault(Setting.CHAIN, String.valueOf(e.getMessage()));
            }
        }
        return chain;
    }

    private ServiceOptions services() {
        List<Cidr> nodePortAddresses = new ArrayList<>();
        for (String block : reader.list(Setting.NODE_PORT_ADDRESSES)) {
            try {
                Cidr cidr = Cidr.parse(block);
                nodePortAddresses.add(cidr);
                if (cidr.first().isLoopback()) {
                    reader.fault(
                            Setting.NODE_PORT_ADDRESSES,
                            "node ports can't be served at the loopback addresses of " + block + ": answers to these "
                                    + "come from other links; use an InternalIP of the node");
                }
            } catch (IllegalArgumentException e) {
                reader.fault(Setting.NODE_PORT_ADDRESSES, String.valueOf(e.getMessage()));
            }
        }
        return new ServiceOptions(
                reader.parse(
                        Setting.SERVICES,
                        ServiceOptions.Mode.FALSE,
                        text -> ServiceOptions.Mode.valueOf(text.toUpperCase(Locale.ROOT)),
                        "is invalid: it has to be true, false or auto"),
                reader.truth(Setting.SERVICE_EXTERNAL_IPS),
                nodePortAddresses,
                reader.parse(
                        Setting.LOAD_BALANCER_MODE,
                        false,
                        text -> switch (text) {
                            case "snat" -> false;
                            case "dsr" -> true;
                            default -> throw new IllegalArgumentException(text);
                        },
                        "is invalid: it has to be snat or dsr"),
                reader.number(Setting.SERVICE_HEALTH_PORT, 0, 65_535));
    }

    private AnnounceOptions announce() {
        List<String> interfaces = reader.list(Setting.LOAD_BALANCER_INTERFACES);
        for (String name : interfaces) {
            try {
                InterfaceName _ = new InterfaceName(name);
            } catch (IllegalArgumentException e) {
                reader.fault(Setting.LOAD_BALANCER_INTERFACES, String.valueOf(e.getMessage()));
            }
            if (name.indexOf('*') >= 0 && name.indexOf('*') < name.length() - 1) {
                reader.fault(
                        Setting.LOAD_BALANCER_INTERFACES,
                        "'" + name + "' is invalid: an asterisk can only be at its end");
            }
        }
        return new AnnounceOptions(reader.truth(Setting.LOAD_BALANCER_ANNOUNCE), interfaces);
    }

    private OverlaySettings overlay() {
        ChecksumOffload offload = reader.parse(
                Setting.VXLAN_CHECKSUM_OFFLOAD,
                ChecksumOffload.AUTO,
                text -> ChecksumOffload.valueOf(text.toUpperCase(Locale.ROOT)),
                "is invalid: it has to be auto, on or off");
        int mtu = reader.number(Setting.MTU, 0, 65535);
        if (mtu > 0 && mtu < 576) {
            reader.fault(Setting.MTU, mtu + " is invalid: it has to be 576 to 65535, or 0");
        }
        return new OverlaySettings(
                reader.parse(
                        Setting.OVERLAY,
                        OverlayMode.NONE,
                        text -> OverlayMode.valueOf(text.toUpperCase(Locale.ROOT)),
                        "is invalid: it has to be vxlan, direct, auto, bgp or none"),
                reader.number(Setting.VNI, 0, MAX_VNI),
                reader.number(Setting.VXLAN_PORT, 1, 65535),
                mtu,
                offload.on(System.getProperty("os.version", "")) == ChecksumOffload.ON);
    }

    private ClusterOrigin cluster() {
        boolean manifests = reader.isGiven(Setting.MANIFESTS);
        boolean api = reader.isGiven(Setting.KUBECONFIG);
        if (!manifests && !api) {
            reader.missing("either --manifests or --kubeconfig has to be set");
        } else if (manifests && api) {
            reader.fault(Setting.MANIFESTS, "--manifests and --kubeconfig exclude each other");
        }
        Path directory = path(Setting.MANIFESTS);
        if (reader.optional(Setting.MANIFESTS).isPresent() && !Files.isDirectory(directory)) {
            reader.fault(Setting.MANIFESTS, directory + " is not a directory");
        }
        if (reader.optional(Setting.KUBECONFIG).isEmpty()) {
            return new ClusterOrigin.Manifests(directory);
        }
        ApiAddress address = ApiAddress.parse(reader.text(Setting.KUBECONFIG));
        if (address instanceof ApiAddress.Kubeconfig(Path file) && !Files.isRegularFile(file)) {
            reader.fault(Setting.KUBECONFIG, "there is no file " + file);
        }
        return new ClusterOrigin.Api(address);
    }

    private Path path(Setting setting) {
        return reader.parse(setting, Path.of(""), Path::of, "");
    }
}
