package dev.ikat.agent.config;

import dev.ikat.bgp.BgpNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The agent's settings. Each has one name in three spellings: {@code --vxlan-port} on the command line,
 * {@code IKAT_VXLAN_PORT} in the environment, {@code vxlan-port} in the file of {@code --config}. Help,
 * docs/configuration.md and the checks of the file all follow from this list.
 */
public enum Setting {
    NODE_NAME(
            Kind.TEXT,
            "NAME",
            "",
            "This node's name in the cluster. The environment variable NODE_NAME can give it, too."),
    MANIFESTS(
            Kind.TEXT,
            "DIR",
            "",
            "Directory of Kubernetes manifests (Node, Pod, Namespace, NetworkPolicy) that describe the cluster; the "
                    + "agent follows their changes."),
    KUBECONFIG(
            Kind.TEXT,
            "FILE|in-cluster",
            "",
            "Use the Kubernetes API instead of manifests: with this kubeconfig file, or with the pod's service "
                    + "account."),
    POD_CIDRS(
            Kind.LIST,
            "NODE=CIDR",
            "",
            "Pod CIDRs of nodes, which replace the Node objects' spec.podCIDRs; the same on all nodes. For clusters "
                    + "that allocate none."),
    RUN_DIR(
            Kind.TEXT,
            "DIR",
            "/run/ikat",
            "Directory of the socket, the lock and the leases; must not survive a reboot."),
    STATE_DIR(
            Kind.TEXT,
            "DIR",
            "/var/lib/ikat",
            "With --kubeconfig: directory that keeps the cluster's last known state, for a start while the API does "
                    + "not answer; should survive a reboot."),
    CNI_CONF_DIR(
            Kind.TEXT,
            "DIR",
            "/etc/cni/net.d",
            "Directory in which the container runtime looks for network configurations."),
    CNI_BIN_DIR(
            Kind.TEXT,
            "DIR",
            "/opt/cni/bin",
            "Directory in which the container runtime looks for CNI plugins, or several with colons between them. "
                    + "The agent only checks that the plugins of the network configuration are there."),
    CONFLIST_NAME(
            Kind.TEXT,
            "FILE",
            "10-ikat.conflist",
            "File name of the network configuration, which the agent writes once the node is ready."),
    CHAIN(
            Kind.LIST,
            "PLUGIN",
            "",
            "CNI plugins to run after Ikat: a type, such as portmap or bandwidth, with a question mark (portmap?) if "
                    + "pods go without it where it is not installed; a plugin's configuration as a JSON object; or "
                    + "@FILE for the one in that file."),
    KEEP_CHAINED(
            Kind.TRUTH,
            "true|false",
            "true",
            "Keep the plugins that others, such as service meshes, add to the network configuration, and their other "
                    + "changes to it. If false, the agent restores the file as it wrote it."),
    OVERLAY(
            Kind.TEXT,
            "vxlan|direct|auto|bgp|none",
            "vxlan",
            "How other nodes' pods are reached: vxlan (through tunnels), direct (by routes; all nodes are on one "
                    + "link), auto (direct where possible, otherwise through tunnels), bgp (the same, but by routes "
                    + "that the nodes tell each other by BGP), none (not by Ikat, or by BGP alone)."),
    UPLINK(Kind.TEXT, "IFNAME", "", "Interface to the other nodes; by default the one with the node's InternalIP."),
    VNI(Kind.NUMBER, "NUMBER", "4796", "VXLAN network identifier, the same on all nodes."),
    VXLAN_PORT(Kind.NUMBER, "PORT", "8472", "UDP port of VXLAN, the same on all nodes."),
    VXLAN_CHECKSUM_OFFLOAD(
            Kind.TEXT,
            "auto|on|off",
            "auto",
            "Leave the checksums of tunnelled packets to the network card. off is several times slower, but needed "
                    + "if a network card or hypervisor corrupts them; auto is on from Linux 5.7."),
    MTU(Kind.NUMBER, "BYTES", "0", "The pods' MTU; 0 to follow the uplink's."),
    POD_GSO_MAX_SIZE(
            Kind.NUMBER,
            "BYTES",
            "0",
            "Largest segment that TCP in a new pod hands to its link; 0 for the kernel's default, 65536. Up to "
                    + "524280 (Linux 6.3), larger values speed up streams between pods of one node, but slow down "
                    + "streams through a tunnel or network card that accepts only smaller segments."),
    MASQUERADE(Kind.TRUTH, "true|false", "true", "Masquerade pod addresses for everything outside the cluster."),
    MASQUERADE_FOREIGN(
            Kind.TRUTH,
            "true|false",
            "false",
            "Also masquerade what this node forwards to other nodes' pods for others than its pods (containers of "
                    + "Docker, a VPN), as flannel does; without it their answers do not find back through tunnels, "
                    + "with it policies see the node's address instead of theirs. Needs masquerade."),
    LISTEN(
            Kind.NUMBER_OR_TEXT,
            "ADDRESS:PORT",
            "127.0.0.1:9474",
            "Address and port of /metrics, /healthz and /readyz; node:PORT for 127.0.0.1 and each InternalIP of the "
                    + "node; 0 to serve them nowhere."),
    RECONCILE_INTERVAL(
            Kind.TEXT,
            "DURATION",
            "30s",
            "How often everything is compared with the kernel, in addition to the comparison after each "
                    + "notification."),
    LEASE_GRACE(Kind.TEXT, "DURATION", "60s", "A lease whose link no longer exists counts as a leak after this time."),
    REQUEST_THREADS(Kind.NUMBER, "NUMBER", "16", "Number of CNI requests that are handled at the same time."),
    POLICY_BACKEND(
            Kind.TEXT,
            "nftables|iptables|ebpf|none",
            "nftables",
            "What enforces network policies. It also does masquerade and the source guard; with ebpf or"
                    + " none, nftables does these, or else iptables. With none, no policies are "
                    + "enforced. The agent can change between the others while it runs."),
    SERVICES(
            Kind.TRUTH_OR_TEXT,
            "true|false|auto",
            "false",
            "Send connections to Kubernetes' services to their endpoints, in place of kube-proxy; auto does so as long "
                    + "as no kube-proxy runs on the node. The dataplane of the policy backend does it: "
                    + "nftables, iptables, or eBPF for connections of pods and of the node with nftables for the rest."),
    SERVICE_EXTERNAL_IPS(
            Kind.TRUTH,
            "true|false",
            "true",
            "With services: accept connections to a service's spec.externalIPs, which the API deprecates, because "
                    + "whoever may create services can draw any address's traffic to himself by them."),
    NODE_PORT_ADDRESSES(
            Kind.LIST,
            "CIDR",
            "",
            "With services: serve node ports at those addresses of the host that are in one of these blocks; by default "
                    + "at the node's InternalIPs."),
    LOAD_BALANCER_MODE(
            Kind.TEXT,
            "snat|dsr",
            "snat",
            "With services and the ebpf backend: how connections from outside the cluster reach pods of other nodes: snat "
                    + "(with an address of the node that they come to, by which answers come back through it) or "
                    + "dsr (with the client's own address; the pod's node answers the client itself, with the "
                    + "service's address as source, which the network has to let pass). The same on all nodes."),
    SERVICE_HEALTH_PORT(
            Kind.NUMBER,
            "PORT",
            "10256",
            "With services: port at which load balancers ask whether this node does them, as they ask kube-proxy: "
                    + "/healthz, and /livez, at all addresses of the node; 0 for none."),
    LOAD_BALANCER_ANNOUNCE(
            Kind.TRUTH,
            "true|false",
            "false",
            "Answer ARP and neighbour discovery for the addresses of services of type LoadBalancer, on one elected node "
                    + "for each address, so that hosts on the nodes' link reach them without a route. The same on "
                    + "all nodes."),
    LOAD_BALANCER_INTERFACES(
            Kind.LIST,
            "IFNAME",
            "",
            "With load-balancer-announce: the Ethernet interfaces on which that is done, by name, or as in eth* all "
                    + "that begin so; by default the uplink."),
    BGP(
            Kind.TRUTH,
            "true|false",
            "false",
            "Speak BGP to the other nodes and to the routers that BgpPeer objects name, by BIRD 2, whose program bird "
                    + "has to be installed."),
    BGP_AS(
            Kind.NUMBER,
            "NUMBER",
            "64512",
            "With bgp: the number of the cluster's autonomous system, the same on all nodes."),
    BGP_MESH(
            Kind.TEXT,
            "full|reflectors|none",
            "full",
            "With bgp, where overlay is bgp or none: which nodes tell each other of their pods: each each other, or all "
                    + "those with the label " + BgpNode.REFLECTOR_LABEL + ", which hand it on, or none, as routers "
                    + "do it. The same on all nodes."),
    BGP_BFD(
            Kind.TEXT,
            "DURATION|off",
            "off",
            "With bgp: how often nodes send each other packets of BFD, by which they notice within three intervals that "
                    + "one is gone, as in 300ms. The same on all nodes."),
    BGP_MESH_PASSWORD(
            Kind.TEXT,
            "KEY",
            "",
            "With bgp: the password that the nodes use among themselves (TCP-MD5): the name of a file in "
                    + "bgp-password-dir."),
    BGP_PASSWORD_DIR(
            Kind.TEXT,
            "DIR",
            "/etc/ikat-bgp",
            "With bgp: directory of the passwords, each in a file: where the pod of the agent has a Secret mounted."),
    IPTABLES_VARIANT(
            Kind.TEXT,
            "auto|legacy|nft",
            "auto",
            "Which iptables the iptables backend uses; auto selects the one that contains Kubernetes' hint chains, "
                    + "or else the one with more rules of other programs."),
    POLICY_WAIT(
            Kind.TEXT,
            "DURATION",
            "10s",
            "How long the ADD of a new pod waits, with its interface closed, if the pod's labels matter but are not "
                    + "known; then the ADD fails, and the runtime tries again."),
    CUT_CONNECTIONS(Kind.TRUTH, "true|false", "true", "End open connections when a policy comes to forbid them."),
    DROP_LOG_GROUP(
            Kind.NUMBER_OR_TEXT,
            "NUMBER|off",
            "4796",
            "NFLOG group through which the kernel reports the packets that policies drop; off for no reports."),
    SAMPLE_ACCEPTED(
            Kind.NUMBER,
            "NUMBER",
            "0",
            "With the ebpf backend, log one of this many connections that policies accept; 0 for none."),
    EBPF_TABLE_LIMITS(
            Kind.LIST,
            "TABLE=NUMBER",
            "",
            "With the ebpf backend: maximum number of rows of its tables, as in members=2097152, if it has to "
                    + "differ from the default; the metric ikat_ebpf_table_fill_ratio has the tables' names."),
    OWN_TABLE(
            Kind.TRUTH,
            "true|false",
            "true",
            "Let no other process change Ikat's nftables table, not even by 'nft flush ruleset' (from Linux 6.9). "
                    + "If false, or on older kernels, the agent repairs others' changes; until then, packets that "
                    + "such a change allows pass."),
    LOG_FORMAT(
            Kind.TEXT,
            "text|json",
            "text",
            "Format of log events, each on one line: text is key=value, json an object with the same keys."),
    LOG_LEVEL(Kind.TEXT, "trace|debug|info|warn|error", "info", "The least severe level of events that are logged."),
    /** For tests only, so it is not documented. */
    KILL_AT(Kind.TEXT, "VERB:STEP", "", "");

    /** What every variable of a setting begins with. */
    static final String PREFIX = "IKAT_";

    /** The kind of a value, which the file is checked against. */
    public enum Kind {
        TEXT("text"),
        NUMBER("whole number"),
        NUMBER_OR_TEXT("text or whole number"),
        TRUTH("true or false"),
        TRUTH_OR_TEXT("true, false or text"),
        LIST("list of texts");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /** As in "should be a ...". */
        String words() {
            return words;
        }
    }

    private final Kind kind;
    private final String paramLabel;
    private final String otherwise;
    private final String meaning;

    Setting(Kind kind, String paramLabel, String otherwise, String meaning) {
        this.kind = kind;
        this.paramLabel = paramLabel;
        this.otherwise = otherwise;
        this.meaning = meaning;
    }

    /** The settings that operators are told about. */
    public static List<Setting> documented() {
        return Arrays.stream(values())
                .filter(setting -> !setting.meaning.isEmpty())
                .toList();
    }

    static Optional<Setting> named(String key) {
        return Arrays.stream(values())
                .filter(setting -> setting.key().equals(key))
                .findFirst();
    }

    /** Its name in the file. */
    public String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Its name on the command line. */
    public String option() {
        return "--" + key();
    }

    /** The variables that say it, the first of them first. */
    List<String> variables() {
        String variable = PREFIX + name();
        return this == NODE_NAME ? List.of(variable, name()) : List.of(variable);
    }

    public Kind kind() {
        return kind;
    }

    /** The placeholder for its value in help. */
    public String paramLabel() {
        return paramLabel;
    }

    /** The default value; empty for none. A list's elements are separated by commas. */
    public String otherwise() {
        return otherwise;
    }

    public String meaning() {
        return meaning;
    }

    /**
     * The option for picocli. It accepts any text, so that an invalid value is reported together with all other errors.
     */
    public OptionSpec optionSpec() {
        return OptionSpec.builder(option())
                .paramLabel(paramLabel)
                .arity("1")
                .type(String.class)
                .hidden(meaning.isEmpty())
                .description(meaning + (otherwise.isEmpty() ? "" : " Default: " + otherwise + "."))
                .build();
    }

    /**
     * The path that a command was given for this setting; an empty one, as from an empty variable, counts as not set.
     */
    public Path path(Path said) {
        return Path.of(said.toString().isEmpty() ? otherwise() : said.toString())
                .toAbsolutePath();
    }
}
