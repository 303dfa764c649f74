/**
 * Services as rows of maps, by which the programs translate connections of this node's pods. The maps are pinned and
 * the same for all generations of programs, so that a connection keeps its backend. A group of backends never changes:
 * where a service has others, its frontends get another group, each by one element.
 */
@NullMarked
package dev.ikat.ebpf.service;

import org.jspecify.annotations.NullMarked;
