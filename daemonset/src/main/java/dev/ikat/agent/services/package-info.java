/**
 * Services on this node, where Ikat takes kube-proxy's place: {@link dev.ikat.agent.services.ServiceKeeper} compiles
 * the cluster's services and endpoints, has a dataplane put them in force, and keeps them so. It also answers the
 * health checks of load balancers, and forgets flows of UDP to backends that are gone. It stands on
 * {@link dev.ikat.services.compiler} and {@link dev.ikat.dataplane}; only {@code dev.ikat.agent} puts it together.
 */
@NullMarked
package dev.ikat.agent.services;

import org.jspecify.annotations.NullMarked;
