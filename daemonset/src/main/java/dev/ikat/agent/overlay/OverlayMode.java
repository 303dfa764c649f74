package dev.ikat.agent.overlay;

/** How packets reach the pods of another node. */
public enum OverlayMode {
    /** Through a VXLAN tunnel, always. */
    VXLAN,
    /** By a route through the other node's address, which must be on the same link. */
    DIRECT,
    /** Directly where the other node is on the same link, through the tunnel elsewhere. */
    AUTO,
    /** Not by Ikat: somebody else (a cloud's route table, a routing daemon) sees to it. */
    NONE
}
