package dev.ikat.agent.overlay;

import dev.ikat.agent.migrate.FormerNetwork;
import dev.ikat.model.InterfaceName;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/** Other CNI plugins, by the links that they leave on a host that they no longer serve. */
public enum FormerCni {
    FLANNEL(FormerNetwork.FLANNEL, "flannel(-v6)?\\.[0-9]+|flannel-wg(-v6)?"),
    /** Flannel delegates to the bridge plugin, whose bridge has this name by default. */
    BRIDGE("flannel or the bridge plugin", FormerNetwork.FLANNEL, "cni0"),
    CALICO(FormerNetwork.CALICO, "cali[0-9a-f]+|vxlan(-v6)?\\.calico|wireguard\\.cali|wg-v6\\.cali|tunl0"),
    CILIUM(FormerNetwork.CILIUM, "cilium_.+|lxc[0-9a-f]{10,}|lxc_health"),
    KUBE_ROUTER(FormerNetwork.KUBE_ROUTER, "kube-bridge|kube-dummy-if"),
    WEAVE(FormerNetwork.WEAVE, "weave|vethwe.+|vxlan-6784");

    /** IP-in-IP's own link, which the kernel makes with the module and lets nobody delete. */
    private static final String UNDELETABLE = "tunl0";

    private final String title;
    private final FormerNetwork network;
    private final Pattern links;

    FormerCni(FormerNetwork network, String links) {
        this(network.title(), network, links);
    }

    FormerCni(String title, FormerNetwork network, String links) {
        this.title = title;
        this.network = network;
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
                        .map(cni -> " ('ikat-agent migrate --from " + cni.network.word()
                                + " --check' lists all that it left)")
                        .orElse("");
    }
}
