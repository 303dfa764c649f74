/**
 * The node agent: it answers the launcher's CNI requests and keeps the node's share of the network (routes to the other
 * nodes, masquerade, policies, the pods' own wiring) equal to what the cluster says. {@link dev.ikat.agent.AgentMain}
 * reads the options; {@link dev.ikat.agent.AgentWiring} puts the parts together, which {@link dev.ikat.agent.Agent}
 * takes apart again. What it put into the kernel stays when it stops.
 *
 * <p>Its packages do not know each other in circles: {@link dev.ikat.agent.config} and {@link dev.ikat.agent.log} stand
 * by themselves, {@link dev.ikat.agent.reconcile} runs what the others register, {@link dev.ikat.agent.node},
 * {@link dev.ikat.agent.overlay}, {@link dev.ikat.agent.policy} and {@link dev.ikat.agent.dataplane} are what is kept
 * in order, {@link dev.ikat.agent.server} and {@link dev.ikat.agent.cni} face the container runtime,
 * {@link dev.ikat.agent.observe} and {@link dev.ikat.agent.status} face people.
 */
@NullMarked
package dev.ikat.agent;

import org.jspecify.annotations.NullMarked;
