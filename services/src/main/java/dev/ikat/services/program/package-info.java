/**
 * What one node does with connections to services, as values: for each address, protocol and port at which a service is
 * reached, the backends among which connections are spread, or how they are refused. A
 * {@link dev.ikat.services.program.ServiceChange} leads from one {@link dev.ikat.services.program.ServiceProgram} to
 * the next; a dataplane puts it into the kernel, and {@link dev.ikat.services.program.ServiceEvaluator} says what has
 * to become of a connection.
 */
@NullMarked
package dev.ikat.services.program;

import org.jspecify.annotations.NullMarked;
