package dev.ikat.agent.migrate;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What Ikat can clean up after, CNI plugins and kube-proxy, and the names that they give to what they make on a host.
 */
@SuppressWarnings("ImmutableEnumChecker") // What a constant has is set while it is made.
public enum FormerNetwork {
    FLANNEL(
            "flannel",
            "flannel",
            new Traces("flanneld", "flannel")
                    .links(
                            new LinkName("flannel(-v6)?\\.[0-9]+", "vxlan", Use.OWN),
                            new LinkName("flannel-wg(-v6)?", "wireguard", Use.OWN),
                            new LinkName("cni0", "bridge", Use.PODS))
                    .chains("FLANNEL-(POSTRTG|FWD)")
                    .rules("--comment \"flanneld (masq|forward)\"")
                    .tables("ip flannel-ipv4", "ip6 flannel-ipv6")
                    .files(
                            new LeftFile("run/flannel", Use.OWN),
                            new LeftFile("var/lib/cni/flannel", Use.PODS),
                            new LeftFile("var/lib/cni/networks/cbr0", Use.PODS))),
    CALICO(
            "calico",
            "Calico",
            new Traces("calico-node", "calico")
                    .links(
                            new LinkName("cali[0-9a-f]{11}", "veth", Use.ONE_POD),
                            new LinkName("vxlan(-v6)?\\.calico", "vxlan", Use.OWN),
                            new LinkName("wireguard\\.cali|wg-v6\\.cali", "wireguard", Use.OWN),
                            new LinkName("bpf(in|out)\\.cali", "veth", Use.PODS))
                    .chains("cali-.+")
                    .rules("--comment \"?cali:")
                    .tables("ip calico", "ip6 calico")
                    .sets("cali(40|60|4t|6t).+")
                    .files(
                            new LeftFile("run/calico", Use.OWN),
                            new LeftFile("var/lib/calico", Use.OWN),
                            new LeftFile("var/lib/cni/networks/k8s-pod-network", Use.PODS),
                            new LeftFile("etc/cni/net.d/calico-kubeconfig", Use.OWN))
                    .pins("(tc/globals/)?cali(co|_.+)")),
    CILIUM(
            "cilium",
            "Cilium",
            new Traces("cilium-agent", "cilium-cni")
                    .links(
                            new LinkName("lxc[0-9a-f]{10,12}", "veth", Use.ONE_POD),
                            new LinkName("lxc_health", "veth", Use.OWN),
                            new LinkName("cilium_(host|net)", "veth", Use.PODS),
                            new LinkName("cilium_vxlan", "vxlan", Use.OWN),
                            new LinkName("cilium_geneve", "geneve", Use.OWN),
                            new LinkName("cilium_wg0", "wireguard", Use.OWN))
                    .chains("(OLD_)?CILIUM_.+")
                    .rules("--comment \"?cilium")
                    .sets("cilium_.+")
                    .files(new LeftFile("run/cilium", Use.PODS), new LeftFile("var/lib/cilium", Use.OWN))
                    .pins("cilium|tc/globals/cilium_.+")),
    KUBE_ROUTER(
            "kube-router",
            "kube-router",
            new Traces("kube-router", "bridge")
                    .links(
                            new LinkName("kube-bridge", "bridge", Use.PODS),
                            new LinkName("kube-dummy-if", "dummy", Use.OWN),
                            new LinkName("tun-[0-9a-f]+", "ipip", Use.OWN))
                    // KUBE-* without these words is kube-proxy's or the kubelet's.
                    .chains("KUBE-ROUTER-.+|KUBE-POD-FW-.+|KUBE-NWPLCY-.+")
                    .rules("--match-set (inet6:)?kube-router-")
                    .sets("(inet6:)?(kube-router-.+|KUBE-SRC-.+|KUBE-DST-.+)")),
    WEAVE(
            "weave",
            "Weave",
            new Traces("weaver", "weave-net")
                    .links(
                            new LinkName("vethwepl.+", "veth", Use.ONE_POD),
                            new LinkName("vethwe-(bridge|datapath|pcap)", "veth", Use.PODS),
                            new LinkName("vxlan-6784", "vxlan", Use.PODS),
                            new LinkName("weave", "bridge", Use.PODS),
                            new LinkName("datapath", "openvswitch", Use.BY_HAND))
                    .chains("WEAVE(-.+)?")
                    .rules(" -[io] weave |--match-set weaver-no-masq-local ")
                    .sets("weave-.+|weaver-no-masq-local")
                    .files(new LeftFile("var/lib/weave", Use.OWN), new LeftFile("run/weave", Use.OWN))),
    /** Not its chains KUBE-FIREWALL, KUBE-KUBELET-CANARY and KUBE-IPTABLES-HINT: they are the kubelet's. */
    KUBE_PROXY(
            "kube-proxy",
            "kube-proxy",
            new Traces("kube-proxy")
                    .links(new LinkName("kube-ipvs0", "dummy", Use.OWN))
                    .chains(
                            "KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|NODE-PORT|POSTROUTING|MARK-MASQ|MARK-DROP|FORWARD"
                                    + "|PROXY-FIREWALL|PROXY-CANARY|LOAD-BALANCER|SOURCE-RANGES-FIREWALL|IPVS-(OUT-)?FILTER"
                                    + "|(SVC|SVL|SEP|EXT|FW|XLB)-.+)")
                    .tables("ip kube-proxy", "ip6 kube-proxy")
                    .sets("KUBE-(6-)?(CLUSTER-IP|LOOP-BACK|EXTERNAL-IP(-LOCAL)?|IPVS-IPS|LOAD-BALANCER(-.+)?"
                            + "|NODE-PORT-.+|HEALTH-CHECK-NODE-PORT)"));

    /** Who would miss an object. */
    enum Use {
        /** The plugin alone. */
        OWN,
        /** Each pod that it has wired and that still runs. */
        PODS,
        /** The pod at its other end, as long as that exists. */
        ONE_POD,
        /** Only the plugin's own tool can remove it. */
        BY_HAND
    }

    /** @param kind its driver's name, as {@code ip -details link} shows it */
    record LinkName(Pattern name, String kind, Use use) {
        LinkName(String name, String kind, Use use) {
            this(Pattern.compile(name), kind, use);
        }
    }

    /** @param path below the root of the file system */
    record LeftFile(String path, Use use) {}

    /** What a plugin makes on a host. Whatever is not named it does not make. */
    static final class Traces {
        private static final Pattern NOTHING = Pattern.compile("(?!)");

        final String process;
        final Optional<String> pluginType;
        List<LinkName> links = List.of();
        Pattern chains = NOTHING;
        Pattern rules = NOTHING;
        List<String> tables = List.of();
        Pattern sets = NOTHING;
        List<LeftFile> files = List.of();
        Pattern pins = NOTHING;

        /**
         * @param process the name of its agent's process
         * @param pluginType the first plugin of its network configuration
         */
        Traces(String process, String pluginType) {
            this.process = process;
            this.pluginType = Optional.of(pluginType);
        }

        /** Of something that is no CNI plugin, and so is in no network configuration. */
        Traces(String process) {
            this.process = process;
            this.pluginType = Optional.empty();
        }

        Traces links(LinkName... names) {
            links = List.of(names);
            return this;
        }

        /** The names of its chains of iptables. */
        Traces chains(String names) {
            chains = Pattern.compile(names);
            return this;
        }

        /** What is in its rules in chains of others, beside jumps to its own. */
        Traces rules(String words) {
            rules = Pattern.compile(words);
            return this;
        }

        /** The families and names of its tables of nftables. */
        Traces tables(String... names) {
            tables = List.of(names);
            return this;
        }

        Traces sets(String names) {
            sets = Pattern.compile(names);
            return this;
        }

        Traces files(LeftFile... paths) {
            files = List.of(paths);
            return this;
        }

        /** The names of BPF programs and maps below /sys/fs/bpf. */
        Traces pins(String names) {
            pins = Pattern.compile(names);
            return this;
        }

        /** Whether it makes ipsets. */
        boolean hasSets() {
            return sets != NOTHING;
        }
    }

    private final String word;
    private final String title;
    final Traces traces;

    FormerNetwork(String word, String title, Traces traces) {
        this.word = word;
        this.title = title;
        this.traces = traces;
    }

    /** What the command line calls it. */
    public String word() {
        return word;
    }

    /** Its name, for people. */
    public String title() {
        return title;
    }

    /** The name of its agent's process. */
    public String process() {
        return traces.process;
    }

    /** The one that the command line calls so. */
    public static Optional<FormerNetwork> named(String word) {
        return Arrays.stream(values()).filter(cni -> cni.word.equals(word)).findFirst();
    }

    /** What the command line may call one. */
    public static String words() {
        return Arrays.stream(values()).map(cni -> cni.word).collect(Collectors.joining(", "));
    }
}
