package dev.ikat.netlink.route;

/**
 * A BPF program that processes what a link receives, as a filter of the queueing discipline clsact (tc-bpf(8)); its
 * return value is the verdict, "direct-action".
 *
 * @param interfaceIndex the link's index
 * @param preference its position among the link's filters, 1 to 65535, the lowest first
 * @param name the name that it is listed by
 * @param programId the program's identifier
 */
public record BpfFilter(int interfaceIndex, int preference, String name, int programId) {}
