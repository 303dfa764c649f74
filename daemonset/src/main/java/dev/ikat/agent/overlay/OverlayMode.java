package dev.ikat.agent.overlay;

/** How packets reach the pods of another node. */
public enum OverlayMode {
    /** Always through a VXLAN tunnel. */
    VXLAN,
    /** By a route via the other node's address, which has to be on the same link. */
    DIRECT,
    /** Directly if the other node is on the same link, otherwise through the tunnel. */
    AUTO,
    /** By routes of BGP if the other node is on the same link, otherwise through the tunnel. */
    BGP,
    /** Not by Ikat: somebody else (a cloud's route table, a routing daemon) sees to it. */
    NONE
}
