package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKind;
import java.util.Locale;
import java.util.Optional;

/** What kind of object, or list of objects, a document says that it is. */
sealed interface DocumentKind {
    /** One object of a kind that is read. */
    record One(ObjectKind kind) implements DocumentKind {}

    /**
     * A list.
     *
     * @param kind of all its elements; empty if each says its own
     */
    record ListOf(Optional<ObjectKind> kind) implements DocumentKind {}

    /**
     * What must be a mistake: a kind that is read, in a version that is not, or nearly such a kind.
     *
     * @param meant what it was most likely to be
     * @param reason what is wrong, and what to write instead
     */
    record Mistaken(DocumentKind meant, String reason) implements DocumentKind {}

    /**
     * A kind of another API that has the name of one that is read.
     *
     * @param reason what to know of it
     */
    record Namesake(String reason) implements DocumentKind {}

    /** A kind that a node's network does not depend on. */
    record Other() implements DocumentKind {}

    /** What the document is by its {@code apiVersion} and its {@code kind}. */
    static DocumentKind of(String version, String kind) {
        String group = version.contains("/") ? version.substring(0, version.indexOf('/')) : "";
        for (Name name : Name.values()) {
            if (kind.equals(name.kind)) {
                return version.equals(name.version) ? name.meaning() : otherVersion(name, version, group);
            }
        }
        if (isKubernetes(group)) {
            for (Name name : Name.values()) {
                if (name.isNearly(kind)) {
                    return new Mistaken(
                            name.meaning(),
                            "'" + kind + "' is no kind of " + version + ": write kind: " + name.kind + ", apiVersion: "
                                    + name.version);
                }
            }
        }
        return new Other();
    }

    private static DocumentKind otherVersion(Name name, String version, String group) {
        return isKubernetes(group)
                ? new Mistaken(
                        name.meaning(),
                        "a " + name.kind + " of version " + version + " is not read: write apiVersion: " + name.version)
                : new Namesake("this " + name.kind + " of " + version
                        + " has no effect on the node's network: Ikat knows" + " that of " + name.version + " only");
    }

    /** Whether the group is one that Kubernetes has or had these kinds in, or nearly. */
    private static boolean isKubernetes(String group) {
        return group.isEmpty() || group.equals("extensions") || distance(group, "networking.k8s.io") <= 2;
    }

    /** A kind's name, with the version that it is read in. */
    enum Name {
        NODE("v1", "Node", Optional.of(ObjectKind.NODE)),
        NODES("v1", "NodeList", Optional.of(ObjectKind.NODE)),
        NAMESPACE("v1", "Namespace", Optional.of(ObjectKind.NAMESPACE)),
        NAMESPACES("v1", "NamespaceList", Optional.of(ObjectKind.NAMESPACE)),
        POD("v1", "Pod", Optional.of(ObjectKind.POD)),
        PODS("v1", "PodList", Optional.of(ObjectKind.POD)),
        NETWORK_POLICY("networking.k8s.io/v1", "NetworkPolicy", Optional.of(ObjectKind.NETWORK_POLICY)),
        NETWORK_POLICIES("networking.k8s.io/v1", "NetworkPolicyList", Optional.of(ObjectKind.NETWORK_POLICY)),
        LIST("v1", "List", Optional.empty());

        private final String version;
        private final String kind;

        @SuppressWarnings("ImmutableEnumChecker") // an Optional of an enum
        private final Optional<ObjectKind> object;

        Name(String version, String kind, Optional<ObjectKind> object) {
            this.version = version;
            this.kind = kind;
            this.object = object;
        }

        private DocumentKind meaning() {
            return object.isPresent() && !kind.endsWith("List") ? new One(object.get()) : new ListOf(object);
        }

        private boolean isNearly(String other) {
            String mine = kind.toLowerCase(Locale.ROOT);
            String theirs = other.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", "");
            String plural = mine.endsWith("y") ? mine.substring(0, mine.length() - 1) + "ies" : mine + "s";
            // What is short is near to much.
            return theirs.equals(plural) || distance(mine, theirs) <= (mine.length() < 6 ? 1 : 2);
        }
    }

    /** How many letters have to be added, left out or changed to make one of the other (Levenshtein). */
    private static int distance(String one, String other) {
        int[] row = new int[other.length() + 1];
        for (int j = 0; j <= other.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= other.length(); j++) {
                int changed = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[other.length()];
    }
}
