/**
 * Which service gets which addresses: a core that knows only the cluster's objects and the time that it is told. An
 * {@code Allocator} is told what changes and says which services get other addresses, or why they get none. An address
 * stays with its service as long as that may have it; who has which, it reads from the services' own status when it
 * starts, so nothing is stored.
 */
@NullMarked
package dev.ikat.controller.allocation;

import org.jspecify.annotations.NullMarked;
