/**
 * rtnetlink(7): links, addresses, routes, neighbours, forwarding entries, rules and filters as values.
 * {@link dev.ikat.netlink.route.Rtnetlink} executes batches of {@link dev.ikat.netlink.route.Requests} and reads what
 * is there; {@link dev.ikat.netlink.route.RouteMonitor} says what changed. A value that is written equals what the
 * kernel reads back, so that should and is can be compared.
 */
@NullMarked
package dev.ikat.netlink.route;

import org.jspecify.annotations.NullMarked;
