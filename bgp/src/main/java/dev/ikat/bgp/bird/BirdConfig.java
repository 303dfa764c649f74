package dev.ikat.bgp.bird;

import dev.ikat.bgp.Export;
import dev.ikat.bgp.RouteGroup;
import dev.ikat.bgp.Session;
import dev.ikat.bgp.Session.Reflection;
import dev.ikat.bgp.Speaker;
import dev.ikat.cluster.BgpCommunity;
import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.model.IpFamily;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Writes the configuration of BIRD 2 for a {@link Speaker}: the same text for the same speaker.
 *
 * <p>Routes that are announced alike are in one static protocol, and the sessions' filters name that. When an address
 * of a service comes or goes, only a static protocol is different, and BIRD announces or withdraws that one route; a
 * filter with other addresses would have it announce all of them again.
 *
 * <p>The kernel gets routes of BGP and nothing else, with a metric of their own, so that a route of anybody else to the
 * same place is neither replaced nor removed, and, as its metric is lower, goes before. BIRD learns no routes of the
 * kernel. What is announced are static routes, which the kernel does not get.
 */
public final class BirdConfig {
    /** The metric of routes that BIRD gives to the kernel: one that nobody else uses. */
    public static final int METRIC = 4796;

    /** How long a neighbour keeps the routes while BIRD is started anew (RFC 4724). */
    public static final Duration RESTART_TIME = Duration.ofMinutes(2);

    /** How long BIRD, when it is started anew, waits for neighbours that may be gone: less than they wait for it. */
    private static final Duration RECOVERY_TIME = Duration.ofSeconds(30);

    private static final int LOG_BYTES = 1 << 20;
    private static final int MOST_PATHS = 16;

    private final StringBuilder text = new StringBuilder();
    private final Speaker speaker;
    private final Map<IpFamily, List<RouteGroup>> announced = new EnumMap<>(IpFamily.class);

    private BirdConfig(Speaker speaker) {
        this.speaker = speaker;
        for (IpFamily family : IpFamily.values()) {
            announced.put(family, speaker.announced(family));
        }
    }

    /**
     * The configuration.
     *
     * @param files where BIRD is to write what it has to say
     */
    public static String of(Speaker speaker, BirdFiles files) {
        return new BirdConfig(speaker).write(files);
    }

    private String write(BirdFiles files) {
        line("# Made by ikat-agent, which replaces this file when the cluster changes.");
        line("log %s %d %s { warning, error, fatal, bug, auth };"
                .formatted(BirdText.quoted(files.log().toString()), LOG_BYTES, BirdText.quoted(files.log() + ".1")));
        line("router id %s;".formatted(speaker.routerId()));
        line("timeformat protocol \"%s\";");
        line("graceful restart wait %d;".formatted(RECOVERY_TIME.toSeconds()));
        line("protocol device { scan time 10; }");
        // Next hops are looked up among the networks of the node's links, but those to pods.
        line("protocol direct { ipv4; ipv6; interface -\"ik*\", \"*\"; }");
        for (IpFamily family : IpFamily.values()) {
            kernel(family);
            announced(family);
        }
        if (speaker.sessions().stream().anyMatch(session -> session.bfd().isPresent())) {
            line("protocol bfd { }");
        }
        advertiseItself();
        speaker.sessions().forEach(this::session);
        return text.toString();
    }

    /** A router without an address is one that learns the node's from such advertisements (RFC 4861), and no more. */
    private void advertiseItself() {
        Set<String> links = new TreeSet<>();
        for (Session session : speaker.sessions()) {
            if (session.neighbour().address().isEmpty()) {
                session.neighbour().link().ifPresent(link -> links.add(link.value()));
            }
        }
        if (!links.isEmpty()) {
            line("protocol radv {");
            links.forEach(link -> line("  interface %s { min ra interval 3; max ra interval 10; default lifetime 0;"
                            .formatted(BirdText.quoted(link))
                    + " prefix ::/0 { skip; }; };"));
            line("}");
        }
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    private static String channel(IpFamily family) {
        return switch (family) {
            case IPV4 -> "ipv4";
            case IPV6 -> "ipv6";
        };
    }

    private void kernel(IpFamily family) {
        line("protocol kernel kernel_%s {".formatted(channel(family)));
        line("  learn off;");
        line("  metric %d;".formatted(METRIC));
        line("  merge paths on limit %d;".formatted(MOST_PATHS));
        line("  graceful restart on;");
        // A route whose next hop is on no link would be one to nowhere.
        line("  %s { import none; export where source = RTS_BGP && dest = RTD_UNICAST; };".formatted(channel(family)));
        line("}");
    }

    private void announced(IpFamily family) {
        for (RouteGroup group : announced.getOrDefault(family, List.of())) {
            line("protocol static %s {".formatted(name(group, family)));
            line("  %s;".formatted(channel(family)));
            group.prefixes()
                    .forEach(prefix -> text.append("  route ").append(prefix).append(" blackhole;\n"));
            line("}");
        }
    }

    /** What a session's filter knows these routes by, so that it stays as it is whichever routes they are. */
    private static String name(RouteGroup group, IpFamily family) {
        return "announced_%s_%s".formatted(channel(family), group.reasons().id());
    }

    private void session(Session session) {
        Neighbour neighbour = session.neighbour();
        line("protocol bgp %s {".formatted(BirdText.symbol(session.name())));
        line("  local%s as %d;"
                .formatted(session.local().map(address -> " " + address).orElse(""), session.localAs()));
        if (neighbour.address().isPresent()) {
            line("  neighbor %s port %d as %d;".formatted(neighbour.address().get(), neighbour.port(), session.as()));
        } else {
            // BIRD waits for a router on the link, and then has a session of its own with that.
            line("  neighbor range fe80::/10 as %d;".formatted(session.as()));
            line("  dynamic name %s;".formatted(BirdText.quoted(SessionState.instances(session.name()))));
        }
        neighbour.link().ifPresent(link -> line("  interface %s;".formatted(BirdText.quoted(link.value()))));
        if (session.hops().isPresent()) {
            line("  multihop %d;".formatted(session.hops().getAsInt()));
        } else {
            line("  direct;");
        }
        line("  hold time %d;".formatted(session.holdTime().toSeconds()));
        line("  connect delay time 1;");
        line("  connect retry time 5;");
        line("  error wait time 1, 60;");
        line("  graceful restart on;");
        line("  graceful restart time %d;".formatted(RESTART_TIME.toSeconds()));
        session.password().ifPresent(password -> line("  password %s;".formatted(BirdText.quoted(password.text()))));
        session.bfd().ifPresent(this::bfd);
        if (session.reflection() == Reflection.CLIENT) {
            line("  rr client;");
        }
        session.families().forEach(family -> channel(session, family));
        line("}");
    }

    private void bfd(Bfd bfd) {
        line("  bfd { interval %d ms; multiplier %d; };"
                .formatted(bfd.interval().toMillis(), bfd.multiplier()));
    }

    private void channel(Session session, IpFamily family) {
        line("  %s {".formatted(channel(family)));
        imports(session, family);
        exports(session, family);
        if (session.extendedNextHop() && family == IpFamily.IPV4) {
            line("    extended next hop on;");
        }
        line("  };");
    }

    private void imports(Session session, IpFamily family) {
        List<String> accepted = session.imports().stream()
                .filter(range -> range.cidr().family() == family)
                .map(BirdConfig::range)
                .distinct()
                .toList();
        if (accepted.isEmpty()) {
            line("    import none;");
            return;
        }
        line("    import filter {");
        List<String> own = speaker.own().stream()
                .filter(block -> block.family() == family)
                .sorted()
                .map(block -> block + "+")
                .toList();
        if (!own.isEmpty()) {
            line("      if net ~ [ %s ] then reject;".formatted(String.join(", ", own)));
        }
        line("      if net ~ [ %s ] then accept;".formatted(String.join(", ", accepted)));
        line("      reject;");
        line("    };");
    }

    private static String range(PrefixRange range) {
        return range.cidr() + "{" + range.least() + "," + range.most() + "}";
    }

    private void exports(Session session, IpFamily family) {
        List<String> accepted = new ArrayList<>();
        for (Export export : session.exports()) {
            announced.getOrDefault(family, List.of()).stream()
                    .filter(group -> group.reasons().equals(export.routes()))
                    .forEach(group -> accepted.add(
                            "if proto = \"%s\" then { %saccept; }".formatted(name(group, family), attributes(export))));
        }
        if (session.reflection() != Reflection.NONE) {
            accepted.add("if source = RTS_BGP && proto ~ \"%s*\" then accept;".formatted(Session.Name.ofNodes()));
        }
        if (accepted.isEmpty()) {
            line("    export none;");
            return;
        }
        line("    export filter {");
        accepted.forEach(statement -> line("      " + statement));
        line("      reject;");
        line("    };");
    }

    private static String attributes(Export export) {
        StringBuilder statements = new StringBuilder();
        for (BgpCommunity community : export.communities()) {
            statements
                    .append(community.isLarge() ? "bgp_large_community.add((" : "bgp_community.add((")
                    .append(community.toString().replace(":", ", "))
                    .append(")); ");
        }
        export.localPreference()
                .ifPresent(preference -> statements
                        .append("bgp_local_pref = ")
                        .append(preference)
                        .append("; "));
        return statements.toString();
    }
}
