package dev.ikat.netlink.netfilter;

import java.util.Optional;
import java.util.stream.Stream;

/**
 * A chain of nf_tables that the kernel runs for packets at one of its hooks.
 *
 * @param family of its table
 * @param table its table
 * @param name its own name
 * @param hook where it runs
 * @param type such as {@code filter}, {@code nat}
 * @param priority its place among the chains of the hook, the lowest first
 * @param dropping whether its policy is drop
 */
public record BaseChain(
        TableFamily family, String table, String name, Hook hook, String type, int priority, boolean dropping) {
    /** {@code enum nf_inet_hooks}, {@code linux/netfilter.h}. */
    public enum Hook {
        PREROUTING(0),
        INPUT(1),
        FORWARD(2),
        OUTPUT(3),
        POSTROUTING(4);

        private final int number;

        Hook(int number) {
            this.number = number;
        }

        static Optional<Hook> of(int number) {
            return Stream.of(values()).filter(hook -> hook.number == number).findFirst();
        }
    }

    /** The chain in the words of the command {@code nft}: {@code inet filter forward}. */
    public String path() {
        return family.word() + " " + table + " " + name;
    }
}
