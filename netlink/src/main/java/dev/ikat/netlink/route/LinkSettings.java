package dev.ikat.netlink.route;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * The values of a link's IP settings, as far as Ikat sets or checks them; without those that the kernel does not have.
 *
 * @param ipv4 none if IPv4 is off for the link
 * @param ipv6 none if IPv6 is off for the link
 */
public record LinkSettings(Map<Ipv4Setting, Integer> ipv4, Map<Ipv6Setting, Integer> ipv6) {
    /** Nothing is known. */
    public static final LinkSettings UNKNOWN = new LinkSettings(Map.of(), Map.of());

    public LinkSettings {
        ipv4 = Map.copyOf(ipv4);
        ipv6 = Map.copyOf(ipv6);
    }

    /** The value of this setting; empty if it is not known. */
    public Optional<Integer> value(Ipv4Setting setting) {
        return Optional.ofNullable(ipv4.get(setting));
    }

    /** The value of this setting; empty if it is not known. */
    public Optional<Integer> value(Ipv6Setting setting) {
        return Optional.ofNullable(ipv6.get(setting));
    }

    /** The same with these values. */
    LinkSettings with(Map<Ipv4Setting, Integer> changed) {
        Map<Ipv4Setting, Integer> now = new EnumMap<>(Ipv4Setting.class);
        now.putAll(ipv4);
        now.putAll(changed);
        return new LinkSettings(now, ipv6);
    }
}
