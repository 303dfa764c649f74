package dev.ikat.ipam;

import dev.ikat.model.IpFamily;
import dev.ikat.model.NetworkName;
import java.util.List;
import java.util.stream.Collectors;

/** Every address that the plan has for a family is leased. */
public final class AddressExhaustedException extends IpamException {
    private static final long serialVersionUID = 1L;

    private final IpFamily family;
    private final transient List<RangeUsage> usage;

    AddressExhaustedException(NetworkName network, IpFamily family, List<RangeUsage> usage) {
        super("network " + network + " has no free " + (family == IpFamily.IPV4 ? "IPv4" : "IPv6") + " address: "
                + usage.stream().map(RangeUsage::toString).collect(Collectors.joining(", "))
                + "; delete pods, or give the network a larger range");
        this.family = family;
        this.usage = List.copyOf(usage);
    }

    /** The family without a free address. */
    IpFamily family() {
        return family;
    }

    /** The ranges of that family and their counts. */
    List<RangeUsage> usage() {
        return usage;
    }
}
