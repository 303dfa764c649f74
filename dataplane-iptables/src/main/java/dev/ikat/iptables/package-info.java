/** The policy backend on iptables and ipset, of the legacy or the nft variant. */
@NullMarked
package dev.ikat.iptables;

import org.jspecify.annotations.NullMarked;
