package dev.ikat.cni;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The versions of the specification that the plugin supports, in ascending order. */
public enum CniVersion {
    V0_3_1("0.3.1"),
    V0_4_0("0.4.0"),
    V1_0_0("1.0.0"),
    V1_1_0("1.1.0");

    /** The newest one, in which the plugin answers if it can't tell which version was requested. */
    public static final CniVersion NEWEST = V1_1_0;

    private final String text;

    CniVersion(String text) {
        this.text = text;
    }

    /** The version with this text; empty if the plugin does not support it. */
    public static Optional<CniVersion> of(String text) {
        return Arrays.stream(values())
                .filter(version -> version.text.equals(text))
                .findFirst();
    }

    /** All of them as text, ascending. */
    public static List<String> supported() {
        return Arrays.stream(values()).map(CniVersion::toString).toList();
    }

    /** Whether this one is {@code other} or newer. */
    public boolean isAtLeast(CniVersion other) {
        return compareTo(other) >= 0;
    }

    @Override
    public String toString() {
        return text;
    }
}
