/**
 * The cluster's controller: gives services of type LoadBalancer their addresses and reports of pools, by one of several
 * replicas that hold a lease in turn. What it decides, {@code allocation} says; here is how it hears of the cluster and
 * how it writes.
 */
@NullMarked
package dev.ikat.controller;

import org.jspecify.annotations.NullMarked;
