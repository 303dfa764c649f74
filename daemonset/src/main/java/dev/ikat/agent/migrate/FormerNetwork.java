package dev.ikat.agent.migrate;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** CNI plugins that Ikat can clean up after, and the names that they give to what they make on a host. */
@SuppressWarnings("ImmutableEnumChecker") // Its lists are made by List.of.
public enum FormerNetwork {
    FLANNEL(
            "flannel",
            "flannel",
            List.of(
                    new LinkName("flannel(-v6)?\\.[0-9]+", "vxlan", Use.OWN),
                    new LinkName("flannel-wg(-v6)?", "wireguard", Use.OWN),
                    new LinkName("cni0", "bridge", Use.PODS)),
            "FLANNEL-(POSTRTG|FWD)",
            "--comment \"flanneld (masq|forward)\"",
            List.of("ip flannel-ipv4", "ip6 flannel-ipv6"),
            Nothing.PATTERN,
            "flannel",
            List.of(
                    new LeftFile("run/flannel", Use.OWN),
                    new LeftFile("var/lib/cni/flannel", Use.PODS),
                    new LeftFile("var/lib/cni/networks/cbr0", Use.PODS)),
            Nothing.PATTERN,
            "flanneld"),
    CALICO(
            "calico",
            "Calico",
            List.of(
                    new LinkName("cali[0-9a-f]{11}", "veth", Use.ONE_POD),
                    new LinkName("vxlan(-v6)?\\.calico", "vxlan", Use.OWN),
                    new LinkName("wireguard\\.cali|wg-v6\\.cali", "wireguard", Use.OWN),
                    new LinkName("bpf(in|out)\\.cali", "veth", Use.PODS)),
            "cali-.+",
            "--comment \"?cali:",
            List.of("ip calico", "ip6 calico"),
            "cali(40|60|4t|6t).+",
            "calico",
            List.of(
                    new LeftFile("run/calico", Use.OWN),
                    new LeftFile("var/lib/calico", Use.OWN),
                    new LeftFile("var/lib/cni/networks/k8s-pod-network", Use.PODS),
                    new LeftFile("etc/cni/net.d/calico-kubeconfig", Use.OWN)),
            "(tc/globals/)?cali(co|_.+)",
            "calico-node"),
    CILIUM(
            "cilium",
            "Cilium",
            List.of(
                    new LinkName("lxc[0-9a-f]{10,12}", "veth", Use.ONE_POD),
                    new LinkName("lxc_health", "veth", Use.OWN),
                    new LinkName("cilium_(host|net)", "veth", Use.PODS),
                    new LinkName("cilium_vxlan", "vxlan", Use.OWN),
                    new LinkName("cilium_geneve", "geneve", Use.OWN),
                    new LinkName("cilium_wg0", "wireguard", Use.OWN)),
            "(OLD_)?CILIUM_.+",
            "--comment \"?cilium",
            List.of(),
            "cilium_.+",
            "cilium-cni",
            List.of(new LeftFile("run/cilium", Use.PODS), new LeftFile("var/lib/cilium", Use.OWN)),
            "cilium|tc/globals/cilium_.+",
            "cilium-agent"),
    KUBE_ROUTER(
            "kube-router",
            "kube-router",
            List.of(
                    new LinkName("kube-bridge", "bridge", Use.PODS),
                    new LinkName("kube-dummy-if", "dummy", Use.OWN),
                    new LinkName("tun-[0-9a-f]+", "ipip", Use.OWN)),
            // KUBE-* without these words is kube-proxy's or the kubelet's.
            "KUBE-ROUTER-.+|KUBE-POD-FW-.+|KUBE-NWPLCY-.+",
            "--match-set (inet6:)?kube-router-",
            List.of(),
            "(inet6:)?(kube-router-.+|KUBE-SRC-.+|KUBE-DST-.+)",
            "bridge",
            List.of(),
            Nothing.PATTERN,
            "kube-router"),
    WEAVE(
            "weave",
            "Weave",
            List.of(
                    new LinkName("vethwepl.+", "veth", Use.ONE_POD),
                    new LinkName("vethwe-(bridge|datapath|pcap)", "veth", Use.PODS),
                    new LinkName("vxlan-6784", "vxlan", Use.PODS),
                    new LinkName("weave", "bridge", Use.PODS),
                    new LinkName("datapath", "openvswitch", Use.BY_HAND)),
            "WEAVE(-.+)?",
            " -[io] weave |--match-set weaver-no-masq-local ",
            List.of(),
            "weave-.+|weaver-no-masq-local",
            "weave-net",
            List.of(new LeftFile("var/lib/weave", Use.OWN), new LeftFile("run/weave", Use.OWN)),
            Nothing.PATTERN,
            "weaver");

    /** Matches no name. */
    private static final class Nothing {
        static final String PATTERN = "(?!)";
    }

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

    private final String word;
    private final String title;
    final List<LinkName> links;
    final Pattern chains;
    final Pattern rules;
    final List<String> tables;
    final Pattern sets;
    final String pluginType;
    final List<LeftFile> files;
    final Pattern pins;
    final String process;

    FormerNetwork(
            String word,
            String title,
            List<LinkName> links,
            String chains,
            String rules,
            List<String> tables,
            String sets,
            String pluginType,
            List<LeftFile> files,
            String pins,
            String process) {
        this.word = word;
        this.title = title;
        this.links = links;
        this.chains = Pattern.compile(chains);
        this.rules = Pattern.compile(rules);
        this.tables = tables;
        this.sets = Pattern.compile(sets);
        this.pluginType = pluginType;
        this.files = files;
        this.pins = Pattern.compile(pins);
        this.process = process;
    }

    /** Its name, for people. */
    public String title() {
        return title;
    }

    /** The name of its agent's process. */
    public String process() {
        return process;
    }

    /** Whether it makes ipsets. */
    boolean hasSets() {
        return !sets.pattern().equals(Nothing.PATTERN);
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
