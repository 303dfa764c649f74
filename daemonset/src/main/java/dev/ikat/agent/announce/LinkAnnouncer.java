package dev.ikat.agent.announce;

import dev.ikat.agent.announce.Heartbeat.Standing;
import dev.ikat.cluster.Node;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.packet.ArpPacket;
import dev.ikat.netlink.packet.NeighbourPacket;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;
import dev.ikat.netlink.packet.NeighbourPacket.Solicitation;
import dev.ikat.netlink.packet.Packet;
import dev.ikat.netlink.packet.PacketPort;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Announces addresses on one link, on a thread of its own that does nothing else: whatever the agent is busy with, it
 * says each {@link Membership#INTERVAL} that this node is there. Everything is decided in {@link #round}: first who
 * takes part, then who has which address, then what is answered. Thread-safe.
 */
final class LinkAnnouncer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LinkAnnouncer.class);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(2);

    /** The last heartbeat is sent so many times: nobody asks for it again if it is lost. */
    private static final int FAREWELLS = 3;

    private final String self;
    private final AnnounceMetrics metrics;
    private final PacketPort port;
    private final SolicitedGroups groups;
    private final OwnAddresses own;
    private final Membership members;
    private final Thread thread;

    private volatile Told told;
    private volatile boolean closed;
    private volatile LinkState state;

    /** What only the thread uses. */
    private Optional<IpAddress> address = Optional.empty();

    private Optional<Elected> elected = Optional.empty();
    private SortedMap<IpAddress, Optional<String>> owners = new TreeMap<>();
    private Optional<Standing> said = Optional.empty();
    private Optional<String> failure = Optional.empty();
    /** Why solicitations may not arrive. */
    private Optional<String> groupFault = Optional.empty();

    private long nextBeat = System.nanoTime();

    /** What the keeper says; a higher number means that something is different. */
    private record Told(AnnouncePlan plan, AnnounceLink link, long number) {}

    /** What an election was about. */
    private record Elected(long told, Set<String> active, boolean heard) {}

    private LinkAnnouncer(String self, AnnouncePlan plan, AnnounceLink link, PacketPort port, AnnounceMetrics metrics) {
        this.self = self;
        this.metrics = metrics;
        this.port = port;
        this.told = new Told(plan, link, 0);
        this.groups = new SolicitedGroups(link.index());
        this.own = new OwnAddresses(link.mac(), wire(port));
        this.members = new Membership(self, () -> ThreadLocalRandom.current().nextLong(), System.nanoTime());
        this.state = state();
        this.thread = Thread.ofPlatform().name("announce-" + link.name()).unstarted(this::run);
    }

    /**
     * Starts, in the network namespace of the calling thread.
     *
     * @throws NetlinkException if the kernel refuses the sockets
     */
    static LinkAnnouncer start(String self, AnnouncePlan plan, AnnounceLink link, AnnounceMetrics metrics) {
        PacketPort port = PacketPort.open(
                link.index(),
                List.of(
                        Map.entry(Heartbeat.PROTOCOL, Heartbeat.FILTER),
                        Map.entry(ArpPacket.PROTOCOL, ArpPacket.FILTER),
                        Map.entry(NeighbourPacket.PROTOCOL, NeighbourPacket.FILTER)));
        LinkAnnouncer announcer = new LinkAnnouncer(self, plan, link, port, metrics);
        announcer.thread.start();
        return announcer;
    }

    private static Wire wire(PacketPort port) {
        return new Wire() {
            @Override
            public void send(MacAddress to, ArpPacket packet) {
                port.send(ArpPacket.PROTOCOL, to, packet.bytes());
            }

            @Override
            public void send(MacAddress to, Advertisement packet) {
                port.send(NeighbourPacket.PROTOCOL, to, packet.bytes());
            }
        };
    }

    /** The link as it was last told of. */
    AnnounceLink link() {
        return told.link;
    }

    /** This is what there is to announce now, and what the link is like; only the keeper's thread calls it. */
    void update(AnnouncePlan plan, AnnounceLink link) {
        Told before = told;
        if (!before.link.equals(link) || !before.plan.equals(plan)) {
            told = new Told(plan, link, before.number + 1);
            port.wake();
        }
    }

    /** What has become of announcing. */
    LinkState now() {
        return state;
    }

    private void run() {
        try {
            while (!closed) {
                attempt();
            }
            farewell();
        } finally {
            groups.close();
            port.close();
        }
    }

    private void attempt() {
        try {
            round(port.poll(pause()));
        } catch (RuntimeException e) {
            fail(e);
            state = state();
        }
    }

    /** Until the next heartbeat is due; nothing else is due earlier. */
    private Duration pause() {
        return Duration.ofNanos(Math.max(0, nextBeat - System.nanoTime()));
    }

    /** It is tried again with the next heartbeat; until then nobody is to believe that this node announces. */
    private void fail(RuntimeException e) {
        Optional<String> reason = Optional.of(String.valueOf(e.getMessage()));
        if (!failure.equals(reason)) {
            LOG.atError()
                    .addKeyValue("link", told.link.name())
                    .addKeyValue("error", e.getMessage())
                    .setCause(e)
                    .log("announcing-failed");
        }
        failure = reason;
        Optional<Heartbeat> _ = address.flatMap(members::leave);
        List<IpAddress> _ = own.keep(List.of(), System.nanoTime());
        elected = Optional.empty();
        nextBeat = System.nanoTime() + Membership.INTERVAL.toNanos();
        try {
            Thread.sleep(Membership.INTERVAL);
        } catch (InterruptedException interrupted) {
            // Only whoever closes this interrupts.
            Thread.currentThread().interrupt();
        }
    }

    private void round(List<Packet> packets) {
        long now = System.nanoTime();
        Told latest = told;
        members.wake(now);
        takePart(latest, now);
        for (Packet packet : packets) {
            if (packet.protocol() == Heartbeat.PROTOCOL) {
                Heartbeat.read(packet.payload())
                        .filter(latest.plan::knows)
                        .ifPresent(heartbeat -> members.hear(heartbeat, packet.from(), now));
            }
        }
        members.settle(now);
        // Before this node answers for what another one still announces.
        boolean beaten = beat(now);
        boolean moved = elect(latest, now);
        packets.forEach(packet -> answer(packet, now));
        own.announce(now);
        if (beaten && groupFault.isPresent()) {
            groupFault = groups.keep(own.all());
        }
        failure = groupFault;
        if (beaten || moved) {
            state = state();
        }
    }

    private void takePart(Told latest, long now) {
        Optional.ofNullable(latest.plan.nodes().get(self))
                .map(Node::internalIps)
                .filter(ips -> !ips.isEmpty())
                .ifPresent(ips -> address = Optional.of(ips.getFirst()));
        if (latest.plan.hindrance().isEmpty() && latest.link.up() && address.isPresent()) {
            members.join(now);
        } else {
            farewell();
        }
    }

    /** Takes no part any more, and says so. */
    private void farewell() {
        address.flatMap(members::leave).ifPresent(last -> {
            try {
                for (int i = 0; i < FAREWELLS; i++) {
                    send(last);
                }
            } catch (NetlinkException e) {
                // The others notice by the silence.
                LOG.atDebug().addKeyValue("reason", e.getMessage()).log("farewell-not-sent");
            }
        });
    }

    /** Says that this node is there, if it is time, or if that has just changed; returns whether it was. */
    private boolean beat(long now) {
        boolean due = now - nextBeat >= 0 || !said.equals(members.standing());
        if (due) {
            nextBeat = now + Membership.INTERVAL.toNanos();
            said = members.standing();
            address.flatMap(members::beat).ifPresent(this::send);
        }
        return due;
    }

    private void send(Heartbeat heartbeat) {
        port.send(Heartbeat.PROTOCOL, ArpPacket.BROADCAST, heartbeat.bytes());
    }

    /** Takes and leaves addresses; returns whether anything is different that this depends on. */
    private boolean elect(Told latest, long now) {
        Elected about = new Elected(latest.number, members.active(), members.hasEverHeard());
        if (elected.equals(Optional.of(about))) {
            return false;
        }
        elected = Optional.of(about);
        owners = Election.owners(self, latest.plan, latest.link, members);
        Set<IpAddress> before = new TreeSet<>(own.all());
        Set<IpAddress> mine = new TreeSet<>();
        if (about.active.contains(self)) {
            owners.forEach((one, owner) -> owner.filter(self::equals).ifPresent(_ -> mine.add(one)));
        }
        List<IpAddress> begun = own.keep(mine, now);
        own.announce(now);
        groupFault = groups.keep(mine);
        metrics.begun(begun.size());
        begun.forEach(one -> LOG.atInfo()
                .addKeyValue("address", one)
                .addKeyValue("link", latest.link.name())
                .log("address-announced"));
        before.removeAll(mine);
        before.forEach(one -> LOG.atInfo()
                .addKeyValue("address", one)
                .addKeyValue("link", latest.link.name())
                .addKeyValue("to", owners.getOrDefault(one, Optional.empty()).orElse(""))
                .log("address-left"));
        return true;
    }

    private void answer(Packet packet, long now) {
        switch (packet.protocol()) {
            case ArpPacket.PROTOCOL ->
                ArpPacket.read(packet.payload()).ifPresent(arp -> {
                    if (arp.isClaim()) {
                        claimed(arp.senderIp(), arp.senderMac(), now);
                    }
                    if (own.answer(arp)) {
                        metrics.answeredArp();
                    }
                });
            case NeighbourPacket.PROTOCOL ->
                NeighbourPacket.read(packet.payload()).ifPresent(neighbour -> {
                    switch (neighbour) {
                        case Solicitation solicitation -> {
                            if (own.answer(solicitation, packet.from())) {
                                metrics.answeredNeighbour();
                            }
                        }
                        case Advertisement advertisement ->
                            claimed(
                                    advertisement.target(),
                                    advertisement.targetMac().orElse(packet.from()),
                                    now);
                    }
                });
            default -> {
                // Heartbeats have been heard.
            }
        }
    }

    private void claimed(IpAddress ip, MacAddress by, long now) {
        own.claimed(ip, by, members.stations(), now)
                .ifPresent(conflict -> LOG.atWarn()
                        .addKeyValue("address", conflict.address())
                        .addKeyValue("by", conflict.by())
                        .addKeyValue("link", told.link.name())
                        .log("address-conflict"));
    }

    private String standing() {
        Told latest = told;
        if (latest.plan.hindrance().isPresent()) {
            return "takes no part: " + latest.plan.hindrance().get();
        }
        if (!latest.link.up()) {
            return "takes no part: the link is down";
        }
        return members.standing()
                .map(one -> switch (one) {
                    case JOINING -> "listens, and takes no addresses yet";
                    case ACTIVE -> "takes part";
                    case LEAVING -> "leaves";
                })
                .orElse("takes no part yet");
    }

    private LinkState state() {
        Told latest = told;
        return new LinkState(
                latest.link.name(),
                standing(),
                members.standing().equals(Optional.of(Standing.ACTIVE)),
                members.heard(),
                Election.presumed(self, latest.plan, latest.link, members),
                owners,
                own.all().size(),
                own.conflicts(),
                failure);
    }

    /** Tells the others that this node leaves, and stops answering. */
    @Override
    public void close() {
        closed = true;
        port.wake();
        try {
            thread.join(STOP_LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
