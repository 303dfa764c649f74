package dev.ikat.agent.config;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What an operator can decide about the agent. Each setting has one name in three spellings: {@code --vxlan-port} on
 * the command line, {@code IKAT_VXLAN_PORT} in the environment, {@code vxlan-port} in the file of {@code --config}.
 * Help, docs/configuration.md and the checks of the file all follow from this list.
 */
public enum Setting {
    NODE_NAME(Kind.TEXT, "NAME", "", "This node's name in the cluster; also the variable NODE_NAME says it."),
    MANIFESTS(
            Kind.TEXT,
            "DIR",
            "",
            "Directory of Kubernetes manifests (Node, Pod, Namespace, NetworkPolicy) that say what the cluster is;"
                    + " changes are followed."),
    KUBECONFIG(
            Kind.TEXT,
            "FILE|in-cluster",
            "",
            "Instead of manifests: ask the Kubernetes API, as this file says, or as a pod's service account may."),
    POD_CIDRS(
            Kind.LIST,
            "NODE=CIDR",
            "",
            "Pod address blocks of nodes, instead of the Node objects' spec.podCIDRs; the same on all nodes. For"
                    + " clusters that allocate none."),
    RUN_DIR(Kind.TEXT, "DIR", "/run/ikat", "Socket, lock and leases; must not survive a reboot."),
    STATE_DIR(
            Kind.TEXT,
            "DIR",
            "/var/lib/ikat",
            "With --kubeconfig: keeps what the cluster was, for a start while the API does not answer; should survive"
                    + " a reboot."),
    CNI_CONF_DIR(Kind.TEXT, "DIR", "/etc/cni/net.d", "Where the container runtime looks for network configurations."),
    CONFLIST_NAME(
            Kind.TEXT,
            "FILE",
            "10-ikat.conflist",
            "The network configuration's name there, written once the node is ready."),
    CHAIN(Kind.LIST, "TYPE", "", "CNI plugins to run after Ikat, such as portmap, bandwidth."),
    OVERLAY(
            Kind.TEXT,
            "vxlan|direct|auto|none",
            "vxlan",
            "How other nodes' pods are reached: vxlan (tunnel), direct (routes, all nodes on one link), auto (direct"
                    + " where possible, else tunnel), none."),
    UPLINK(Kind.TEXT, "IFNAME", "", "Interface to the other nodes; if not set, the one with the node's InternalIP."),
    VNI(Kind.NUMBER, "NUMBER", "4796", "VXLAN network identifier, the same on all nodes."),
    VXLAN_PORT(Kind.NUMBER, "PORT", "8472", "VXLAN's UDP port, the same on all nodes."),
    VXLAN_CHECKSUM_OFFLOAD(
            Kind.TEXT,
            "auto|on|off",
            "auto",
            "Leave checksums of tunnelled packets to the network card. off is several times slower, but right where a"
                    + " card or hypervisor spoils them; auto is on from Linux 5.7."),
    MTU(Kind.NUMBER, "BYTES", "0", "The pods' MTU; 0 follows the uplink's."),
    POD_GSO_MAX_SIZE(
            Kind.NUMBER,
            "BYTES",
            "0",
            "The largest piece that TCP in a new pod hands to its link; 0 is the kernel's usual, 65536. Up to 524280 (Linux"
                    + " 6.3) it makes streams between pods of one node faster, and slower those through a tunnel, or a"
                    + " network card, that takes less."),
    MASQUERADE(Kind.TRUTH, "true|false", "true", "Hide pod addresses from everything outside the cluster."),
    LISTEN(
            Kind.NUMBER_OR_TEXT,
            "ADDRESS:PORT",
            "127.0.0.1:9474",
            "Where /metrics, /healthz and /readyz are served; 0 for nowhere."),
    RECONCILE_INTERVAL(
            Kind.TEXT,
            "DURATION",
            "30s",
            "Compare everything with the kernel this often, besides on each notification."),
    LEASE_GRACE(Kind.TEXT, "DURATION", "60s", "A lease without its link counts as leaked after this."),
    REQUEST_THREADS(Kind.NUMBER, "NUMBER", "16", "CNI requests handled at once."),
    POLICY_BACKEND(
            Kind.TEXT,
            "nftables|iptables|ebpf|none",
            "nftables",
            "What enforces network policies, masquerades and guards packets' sources (beside ebpf and none nftables does"
                    + " the latter two, or else iptables); with none there are no policies. Between the others it can"
                    + " change while the agent runs."),
    IPTABLES_VARIANT(
            Kind.TEXT,
            "auto|legacy|nft",
            "auto",
            "Which iptables the iptables backend uses; auto is the one that Kubernetes' hint chains are in, or that"
                    + " has more rules of others."),
    POLICY_WAIT(
            Kind.TEXT,
            "DURATION",
            "10s",
            "A new pod whose labels are not known, but matter, is kept waiting this long, closed; then its ADD fails,"
                    + " and the runtime tries again."),
    CUT_CONNECTIONS(Kind.TRUTH, "true|false", "true", "End open connections that a policy comes to forbid."),
    DROP_LOG_GROUP(
            Kind.NUMBER_OR_TEXT,
            "NUMBER|off",
            "4796",
            "NFLOG group by which the kernel tells the agent what policy drops; off for not at all."),
    SAMPLE_ACCEPTED(
            Kind.NUMBER,
            "NUMBER",
            "0",
            "With the ebpf backend, log one of so many connections that policy accepts; 0 for none."),
    EBPF_TABLE_LIMITS(
            Kind.LIST,
            "TABLE=NUMBER",
            "",
            "With the ebpf backend: the most rows of its tables, as members=2097152, where others than the usual are"
                    + " wanted; the metric ikat_ebpf_table_fill_ratio has their names."),
    OWN_TABLE(
            Kind.TRUTH,
            "true|false",
            "true",
            "Let no other process change Ikat's nftables table, not even 'nft flush ruleset' (from Linux 6.9); if"
                    + " false, or on older kernels, what they do is repaired: packets that their change lets pass do"
                    + " so until then."),
    LOG_FORMAT(
            Kind.TEXT,
            "text|json",
            "text",
            "How each event is logged, on one line: text is key=value; json an object with the same keys."),
    LOG_LEVEL(Kind.TEXT, "debug|info|warn|error", "info", "Events of less weight are not logged."),
    /** For tests only, so no help speaks of it. */
    KILL_AT(Kind.TEXT, "VERB:STEP", "", "");

    private static final String PREFIX = "IKAT_";

    /** What a value is, which the file has to agree with. */
    public enum Kind {
        TEXT("text"),
        NUMBER("whole number"),
        NUMBER_OR_TEXT("text or whole number"),
        TRUTH("true or false"),
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

    /** Those that operators are told of. */
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

    /** What can stand for its value in help. */
    public String paramLabel() {
        return paramLabel;
    }

    /** The value where nobody says any; empty for none. A list's elements have commas between them. */
    public String otherwise() {
        return otherwise;
    }

    public String meaning() {
        return meaning;
    }

    /** As picocli knows it: any text, because what is wrong with it is said together with all other faults. */
    public OptionSpec optionSpec() {
        return OptionSpec.builder(option())
                .paramLabel(paramLabel)
                .arity("1")
                .type(String.class)
                .hidden(meaning.isEmpty())
                .description(meaning + (otherwise.isEmpty() ? "" : " Default: " + otherwise + "."))
                .build();
    }

    /** The path that a command was given for this setting; an empty one, as of an empty variable, says nothing. */
    public Path path(Path said) {
        return Path.of(said.toString().isEmpty() ? otherwise() : said.toString())
                .toAbsolutePath();
    }
}
