package dev.ikat.agent.overlay;

/**
 * The operator's settings for the overlay; they have to be the same on all nodes.
 *
 * @param mode how packets reach other nodes' pods
 * @param vni the VXLAN network identifier, 0 to 2^24 - 1
 * @param port the UDP port of VXLAN
 * @param mtu the pods' MTU in bytes, 0 to derive it from the uplink's
 * @param checksumOffload whether the tunnel link leaves checksums to what is below it
 */
public record OverlaySettings(OverlayMode mode, int vni, int port, int mtu, boolean checksumOffload) {}
