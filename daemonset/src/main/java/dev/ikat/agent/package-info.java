/**
 * The node agent: it answers the launcher's CNI requests and keeps the node's share of the network (routes to the other
 * nodes, masquerading, the pods' own wiring) equal to what the cluster says. {@link dev.ikat.agent.AgentMain} reads the
 * options; {@link dev.ikat.agent.Agent} puts the parts together and takes them apart again.
 */
@NullMarked
package dev.ikat.agent;

import org.jspecify.annotations.NullMarked;
