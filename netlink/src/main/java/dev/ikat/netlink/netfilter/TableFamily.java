package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpFamily;
import java.util.Optional;
import java.util.stream.Stream;

/** Families of tables whose chains see packets of IP: {@code NFPROTO_*}, {@code linux/netfilter.h}. */
public enum TableFamily {
    INET(1, "inet"),
    IPV4(2, "ip"),
    IPV6(10, "ip6");

    private final int number;
    private final String word;

    TableFamily(int number, String word) {
        this.number = number;
        this.word = word;
    }

    /** Its name in the command {@code nft}. */
    public String word() {
        return word;
    }

    /** Whether packets like this one pass the chains of its tables. */
    public boolean sees(ExpectedPacket packet) {
        return this == INET || packet.family() == (this == IPV4 ? IpFamily.IPV4 : IpFamily.IPV6);
    }

    int number() {
        return number;
    }

    /** Empty for families of other packets, such as ARP. */
    static Optional<TableFamily> of(int number) {
        return Stream.of(values()).filter(family -> family.number == number).findFirst();
    }
}
