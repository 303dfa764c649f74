package dev.ikat.dataplane;

import dev.ikat.model.IpFamily;

/**
 * The rules of the host's own firewall in a table {@code filter} of iptables.
 *
 * @param program the command that changes it, such as {@code ip6tables-legacy}
 * @param family of the packets that it is about
 * @param saved the table as {@code iptables-save} prints it
 */
public record FilterTable(String program, IpFamily family, String saved) {}
