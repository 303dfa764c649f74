package dev.ikat.cluster;

import java.util.Comparator;

/**
 * Identifies a kind of object: its API group and its name there. The kinds of this module are constants; other kinds
 * are created where their objects are defined.
 *
 * @param group the API group, as in {@code networking.k8s.io}; empty for Kubernetes' core group
 * @param title Kubernetes' name for it: the value of {@code kind}
 * @param namespaced whether its objects are in a namespace
 * @param naming which names its objects may have
 */
public record ObjectKind(String group, String title, boolean namespaced, Naming naming)
        implements Comparable<ObjectKind> {
    /** A node of the cluster. */
    public static final ObjectKind NODE = new ObjectKind("", "Node", false, Naming.SUBDOMAIN);
    /** A namespace, which contains pods and policies. */
    public static final ObjectKind NAMESPACE = new ObjectKind("", "Namespace", false, Naming.LABEL);
    /** A pod, which has addresses. */
    public static final ObjectKind POD = new ObjectKind("", "Pod", true, Naming.SUBDOMAIN);
    /** A network policy, which restricts pods. */
    public static final ObjectKind NETWORK_POLICY =
            new ObjectKind("networking.k8s.io", "NetworkPolicy", true, Naming.SUBDOMAIN);
    /** A service, which is reached at addresses of its own. */
    public static final ObjectKind SERVICE = new ObjectKind("", "Service", true, Naming.LABEL);
    /** Endpoints of a service. */
    public static final ObjectKind ENDPOINT_SLICE =
            new ObjectKind("discovery.k8s.io", "EndpointSlice", true, Naming.SUBDOMAIN);
    /** Blocks of addresses for services. */
    public static final ObjectKind SERVICE_CIDR =
            new ObjectKind("networking.k8s.io", "ServiceCIDR", false, Naming.SUBDOMAIN);
    /** A router to which nodes speak BGP. */
    public static final ObjectKind BGP_PEER = new ObjectKind("ikat.dev", "BgpPeer", false, Naming.SUBDOMAIN);
    /** What nodes announce to such routers. */
    public static final ObjectKind BGP_ADVERTISEMENT =
            new ObjectKind("ikat.dev", "BgpAdvertisement", false, Naming.SUBDOMAIN);
    /** Addresses for services of type LoadBalancer. */
    public static final ObjectKind ADDRESS_POOL = new ObjectKind("ikat.dev", "AddressPool", false, Naming.SUBDOMAIN);

    private static final Comparator<ObjectKind> ORDER =
            Comparator.comparing(ObjectKind::title).thenComparing(ObjectKind::group);

    /** Which names the objects of a kind may have (apimachinery, util/validation). */
    public enum Naming {
        /** One label of RFC 1123: at most 63 lower case letters, digits and '-'. */
        LABEL,
        /** Labels with dots between them, at most 253 characters. */
        SUBDOMAIN
    }

    /** Orders by title, then by group. */
    @Override
    public int compareTo(ObjectKind other) {
        // Almost always the same one: kinds are compared with each pair of keys.
        return this == other ? 0 : ORDER.compare(this, other);
    }

    /** Two kinds are equal if group and title are. */
    @Override
    public boolean equals(Object other) {
        return this == other
                || (other instanceof ObjectKind kind && title.equals(kind.title) && group.equals(kind.group));
    }

    @Override
    public int hashCode() {
        // Strings remember theirs; keys of objects are hashed often.
        return 31 * group.hashCode() + title.hashCode();
    }

    /** As in {@code Pod} or {@code NetworkPolicy.networking.k8s.io}. */
    @Override
    public String toString() {
        return group.isEmpty() ? title : title + "." + group;
    }
}
