/**
 * From the cluster's services and endpoints to what one node does with connections: incremental, so that an event costs
 * what it changes. It knows the API's rules (traffic policies, topology, terminating endpoints) and no dataplane.
 */
@NullMarked
package dev.ikat.services.compiler;

import org.jspecify.annotations.NullMarked;
