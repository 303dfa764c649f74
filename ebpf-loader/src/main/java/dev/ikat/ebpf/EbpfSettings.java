package dev.ikat.ebpf;

import java.util.Map;

/**
 * How policies are enforced in eBPF.
 *
 * @param cut whether open connections end that a changed program forbids
 * @param shortcuts whether packets between pods take the short way
 * @param tcx whether programs are attached by tcx links where the kernel has them, and not by filters of clsact
 * @param sample one of so many accepted connections is told of; 0 for none
 * @param capacities of maps that are to have another than their usual one, by the name of the map, in elements
 */
public record EbpfSettings(boolean cut, boolean shortcuts, boolean tcx, int sample, Map<String, Integer> capacities) {
    /** The usual ones. */
    public static final EbpfSettings USUAL = new EbpfSettings(true, true, true, 0, Map.of());

    public EbpfSettings {
        if (sample < 0) {
            throw new IllegalArgumentException("one of " + sample + " connections is none");
        }
        capacities = Map.copyOf(capacities);
    }
}
