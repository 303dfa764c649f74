package dev.ikat.cni;

import java.util.Arrays;
import java.util.Optional;

/** The values of CNI_COMMAND, with the version of the specification that introduced each. */
public enum Verb {
    ADD(CniVersion.V0_3_1),
    DEL(CniVersion.V0_3_1),
    CHECK(CniVersion.V0_4_0),
    GC(CniVersion.V1_1_0),
    STATUS(CniVersion.V1_1_0),
    VERSION(CniVersion.V0_3_1);

    private final CniVersion since;

    Verb(CniVersion since) {
        this.since = since;
    }

    /** The verb of this name, which is in upper case; empty if there is none. */
    public static Optional<Verb> of(String name) {
        return Arrays.stream(values()).filter(verb -> verb.name().equals(name)).findFirst();
    }

    /** The first version that contains it. */
    public CniVersion since() {
        return since;
    }
}
