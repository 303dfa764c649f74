package dev.ikat.kubernetes;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What kind of object, or list of objects, a document says that it is. */
sealed interface DocumentKind {
    /** One object of a kind that is read. */
    record One(ApiKind<?> kind) implements DocumentKind {}

    /**
     * A list.
     *
     * @param kind of all its elements; empty if each says its own
     */
    record ListOf(Optional<ApiKind<?>> kind) implements DocumentKind {}

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

    /**
     * What the document is by its {@code apiVersion} and its {@code kind}.
     *
     * @param kinds those that are read
     */
    static DocumentKind of(KindSet kinds, String version, String kind) {
        List<Name> names = Name.of(kinds);
        String group = version.contains("/") ? version.substring(0, version.indexOf('/')) : "";
        Optional<Name> same = names.stream()
                .filter(name -> name.kind.equals(kind) && name.version.equals(version))
                .findFirst();
        if (same.isPresent()) {
            return same.get().meaning();
        }
        boolean ofThese = isOfThese(kinds, group);
        for (Name name : names) {
            if (kind.equals(name.kind)) {
                return otherVersion(name, version, ofThese);
            }
        }
        if (ofThese) {
            for (Name name : names) {
                if (name.isNearly(kind)) {
                    return new Mistaken(
                            name.meaning(),
                            "unknown kind '" + kind + "' of " + version + "; write kind: " + name.kind
                                    + ", apiVersion: " + name.version);
                }
            }
        }
        return new Other();
    }

    private static DocumentKind otherVersion(Name name, String version, boolean ofThese) {
        return ofThese
                ? new Mistaken(
                        name.meaning(),
                        "version " + version + " of " + name.kind + " is not supported; write apiVersion: "
                                + name.version)
                : new Namesake("this " + name.kind + " of " + version
                        + " has no effect on the node's network: Ikat supports only that of " + name.version);
    }

    /** Whether the group is one that Kubernetes has or had such kinds in, or nearly. */
    private static boolean isOfThese(KindSet kinds, String group) {
        return group.isEmpty()
                || group.equals("extensions")
                || kinds.all().stream()
                        .map(kind -> kind.kind().group())
                        .anyMatch(known -> !known.isEmpty() && distance(group, known) <= 2);
    }

    /**
     * A kind's name, with the version that it is read in.
     *
     * @param object the kind of the object, or of the list's; empty if each of the list says its own
     */
    record Name(String version, String kind, Optional<ApiKind<?>> object) {
        private static final String LIST = "List";

        private static List<Name> of(KindSet kinds) {
            List<Name> names = new ArrayList<>();
            for (ApiKind<?> kind : kinds.all()) {
                String title = kind.kind().title();
                names.add(new Name(kind.apiVersion(), title, Optional.of(kind)));
                names.add(new Name(kind.apiVersion(), title + LIST, Optional.of(kind)));
            }
            names.add(new Name("v1", LIST, Optional.empty()));
            return names;
        }

        private DocumentKind meaning() {
            return object.isPresent() && !kind.endsWith(LIST) ? new One(object.get()) : new ListOf(object);
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
