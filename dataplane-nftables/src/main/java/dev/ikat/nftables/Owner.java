package dev.ikat.nftables;

import java.util.regex.Pattern;

/**
 * Whose the chains, sets and maps of Ikat's table are: each capability has names with a beginning of its own, and
 * reads, audits and removes those alone. What has no owner's name is nobody's, and stays.
 */
enum Owner {
    /** Network policies. */
    POLICY("policy-", "forward|related|(from|to)-.*|(?!(pods|cluster)_)[a-z][a-z0-9]*_[46]"),
    /** Masquerade. */
    MASQUERADE("masquerade-", "masquerading|(pods|cluster)_[46]"),
    /** The source guard. */
    GUARD("guard-", "(?!)"),
    /** Services. */
    SERVICES("services-", "(?!)");

    private final String prefix;
    private final Pattern former;

    /** @param former matches the names that versions without prefixes gave, which go with the first change */
    Owner(String prefix, String former) {
        this.prefix = prefix;
        this.former = Pattern.compile(former);
    }

    /** What its names begin with. */
    String prefix() {
        return prefix;
    }

    /** Whether this name is its own, now or in an earlier version. */
    boolean owns(String name) {
        return name.startsWith(prefix) || ownedFormerly(name);
    }

    /** Whether only an earlier version gave this name. */
    boolean ownedFormerly(String name) {
        return former.matcher(name).matches();
    }
}
