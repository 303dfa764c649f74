package dev.ikat.services.compiler;

/**
 * What a load balancer is told that asks this node whether to send it connections to a service
 * ({@code healthCheckNodePort}).
 *
 * @param namespace the service's namespace
 * @param service the service's name
 * @param port the port at which it asks, over HTTP
 * @param localEndpoints how many endpoints of this node are ready: with none, it should send no new connections here
 */
public record HealthCheck(String namespace, String service, int port, int localEndpoints) {}
