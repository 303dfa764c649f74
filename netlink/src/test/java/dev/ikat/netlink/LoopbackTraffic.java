package dev.ikat.netlink;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A namespace that talks to itself, for what the kernel says about packets. */
public final class LoopbackTraffic {
    private LoopbackTraffic() {}

    /** A namespace with the addresses 10.1.0.1, 10.1.0.2, fd00::2. */
    public static TestNamespace namespace() {
        TestNamespace test = TestNamespace.create();
        test.ip("addr", "add", "10.1.0.1/32", "dev", "lo");
        test.ip("addr", "add", "10.1.0.2/32", "dev", "lo");
        test.ip("addr", "add", "fd00::2/128", "dev", "lo", "nodad");
        test.ip("route", "add", "10.9.9.9/32", "dev", "lo", "src", "10.1.0.1");
        test.ip("route", "replace", "local", "10.1.0.2", "dev", "lo", "table", "local", "src", "10.1.0.1");
        // The kernel makes the route to an IPv6 address a moment later, by a worker of its own.
        Await.until(
                Duration.ofSeconds(5),
                () -> "there is no route to fd00::2",
                () -> test.ip("-6", "route", "show", "table", "local").contains("fd00::2"));
        return test;
    }

    /** Has connections tracked, and those to 10.9.9.9 port 8080 answered by 10.1.0.2 port 80. */
    public static void track(TestNamespace test) {
        test.exec("nft", "add table inet track");
        test.exec("nft", "add chain inet track out { type filter hook output priority 0; ct state new counter; }");
        test.exec("nft", "add table ip nat");
        test.exec("nft", "add chain ip nat out { type nat hook output priority -100; }");
        test.exec("nft", "add rule ip nat out ip daddr 10.9.9.9 tcp dport 8080 dnat to 10.1.0.2:80");
    }

    /** Has incoming packets logged, as a policy's drops are. */
    public static void log(TestNamespace test, int group) {
        test.exec("nft", "add table inet logs");
        test.exec("nft", "add chain inet logs in { type filter hook input priority 0; }");
        test.exec("nft", "add rule inet logs in counter log prefix \"ikat i ik0123456789a\" group " + group);
    }

    /** How many packets were to be logged. */
    public static long logged(TestNamespace test) {
        Matcher counter =
                Pattern.compile("counter packets (\\d+)").matcher(test.exec("nft", "list", "table", "inet", "logs"));
        if (!counter.find()) {
            throw new AssertionError("the rule that logs has no counter");
        }
        return Long.parseLong(counter.group(1));
    }

    /** Connects by every protocol, in both families. */
    public static void exchange(TestNamespace test) {
        IpAddress v4 = IpAddress.parse("10.1.0.2");
        IpAddress v6 = IpAddress.parse("fd00::2");
        try (Probe.Server _ = Probe.serve(test, 80)) {
            List<Probe.Outcome> failures = Probe.failures(
                    List.of(
                            Probe.Target.tcp(test, v4, 80),
                            Probe.Target.udp(test, v4, 80),
                            Probe.Target.icmp(test, v4),
                            Probe.Target.tcp(test, v6, 80),
                            Probe.Target.udp(test, v6, 80),
                            Probe.Target.icmp(test, v6)),
                    Duration.ofSeconds(5));
            if (!failures.isEmpty()) {
                throw new AssertionError(failures.toString());
            }
            // Answered only where connections are tracked and translated.
            int _ = Probe.check(
                            List.of(Probe.Target.tcp(test, IpAddress.parse("10.9.9.9"), 8080)), Duration.ofSeconds(1))
                    .size();
        }
    }
}
