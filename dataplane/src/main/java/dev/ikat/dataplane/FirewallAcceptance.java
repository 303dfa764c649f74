package dev.ikat.dataplane;

import java.util.List;

/**
 * Has the host's own firewall accept what Ikat lets pass, in the network namespace in which it was opened. A firewall
 * that refuses whatever nobody has accepted (Docker's {@code -P FORWARD DROP}, ufw) would otherwise refuse pods'
 * packets. Rules that refuse something in particular stay in force: they come first. Not thread-safe.
 */
public interface FirewallAcceptance {
    /**
     * Looks at the host's firewall, and adds or repairs Ikat's rules where it refuses what nobody has accepted. Where
     * nothing refuses, nothing is added, and no table comes into being.
     *
     * @return whether anything was changed
     * @throws RuntimeException if it cannot be read or written; the message is that of the program that failed
     */
    boolean reconcile(AcceptanceState state);

    /** The tables {@code filter} of iptables as {@link #reconcile} left them last; none before it was called. */
    List<FilterTable> tables();

    /** Removes Ikat's rules from the kernel; idempotent. */
    void remove();
}
