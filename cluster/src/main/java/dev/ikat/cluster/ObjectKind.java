package dev.ikat.cluster;

/** The kinds of object that a node's network depends on. */
public enum ObjectKind {
    /** A machine. */
    NODE("Node", false),
    /** A group of names. */
    NAMESPACE("Namespace", false),
    /** What has addresses. */
    POD("Pod", true),
    /** What restricts them. */
    NETWORK_POLICY("NetworkPolicy", true);

    private final String title;
    private final boolean namespaced;

    ObjectKind(String title, boolean namespaced) {
        this.title = title;
        this.namespaced = namespaced;
    }

    /** Kubernetes' name for it: the value of {@code kind}. */
    public String title() {
        return title;
    }

    /** Whether its objects are in a namespace. */
    public boolean namespaced() {
        return namespaced;
    }
}
