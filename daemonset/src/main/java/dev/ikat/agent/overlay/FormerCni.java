package dev.ikat.agent.overlay;

import dev.ikat.model.InterfaceName;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/** Other CNI plugins, by the links that they leave on a host that they no longer serve. */
public enum FormerCni {
    FLANNEL("flannel", "flannel", "flannel(-v6)?\\.[0-9]+|flannel-wg(-v6)?"),
    /** Flannel delegates to the bridge plugin, whose bridge has this name by default. */
    BRIDGE("flannel or the bridge plugin", "flannel", "cni0"),
    CALICO("Calico", "calico", "cali[0-9a-f]+|vxlan(-v6)?\\.calico|wireguard\\.cali|wg-v6\\.cali|tunl0"),
    CILIUM("Cilium", "cilium", "cilium_.+|lxc[0-9a-f]{10,}|lxc_health"),
    KUBE_ROUTER("kube-router", "kube-router", "kube-bridge|kube-dummy-if"),
    WEAVE("Weave", "weave", "weave|vethwe.+|vxlan-6784");

    /** IP-in-IP's own link, which the kernel makes with the module and lets nobody delete. */
    private static final String UNDELETABLE = "tunl0";

    private final String title;
    private final String word;
    private final Pattern links;

    FormerCni(String title, String word, String links) {
        this.title = title;
        this.word = word;
        this.links = Pattern.compile(links);
    }

    /** Its name, for people. */
    public String title() {
        return title;
    }

    /** The one that names its links so. */
    public static Optional<FormerCni> ofLink(InterfaceName link) {
        return Arrays.stream(values())
                .filter(cni -> cni.links.matcher(link.value()).matches())
                .findFirst();
    }

    /** The command that takes away a link, or what the link has; and for one of a plugin how to find the rest. */
    public static String removal(InterfaceName link) {
        String command = link.value().equals(UNDELETABLE) ? "ip address flush dev " + link : "ip link delete " + link;
        return command
                + ofLink(link)
                        .map(cni -> " ('ikat-agent migrate --from " + cni.word + " --check' lists all that it left)")
                        .orElse("");
    }
}
