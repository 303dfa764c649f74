package dev.ikat.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.diag.SocketMessage;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.netlink.netfilter.ConntrackMessage;
import dev.ikat.netlink.netfilter.ConntrackRequests;
import dev.ikat.netlink.netfilter.ConntrackTuple;
import dev.ikat.netlink.netfilter.LogMessage;
import dev.ikat.netlink.netfilter.NftablesMonitor;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.AddressMessage;
import dev.ikat.netlink.route.FdbEntry;
import dev.ikat.netlink.route.FilterMessage;
import dev.ikat.netlink.route.LinkMessage;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.NeighbourMessage;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteMessage;
import dev.ikat.netlink.route.RouteMonitor;
import dev.ikat.netlink.route.Rule;
import dev.ikat.netlink.route.RuleMessage;
import dev.ikat.netlink.wire.AckMessage;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Whatever bytes arrive: the readers end, and throw nothing but {@link MalformedMessageException}. */
class ReaderPropertiesTest {
    private static final int RUNS = 10_000;
    private static final List<byte[]> CORPUS = Corpus.all();

    private static final List<Consumer<MessageReader>> READERS = List.of(
            message -> LinkMessage.read(message),
            message -> AddressMessage.read(message),
            message -> RouteMessage.read(message),
            message -> NeighbourMessage.read(message),
            message -> NeighbourMessage.readFdb(message),
            message -> RuleMessage.read(message),
            message -> FilterMessage.read(message),
            message -> RouteMonitor.read(message),
            message -> ConntrackMessage.read(message),
            message -> LogMessage.read(message),
            message -> NftablesMonitor.read(message),
            message -> SocketMessage.read(message),
            message -> AckMessage.errno(message),
            message -> AckMessage.explanation(message));

    @Test
    void realMessagesAreReadInFull() {
        for (byte[] datagram : CORPUS) {
            MessageReader message = Corpus.reader(datagram);
            while (message.next()) {
                RouteMonitor.read(message);
            }
        }
    }

    @Test
    void truncatedMessages() {
        Seeds.forEach(RUNS, random -> {
            byte[] datagram = random.oneOf(CORPUS);
            readAll(Arrays.copyOf(datagram, random.between(0, datagram.length)));
        });
    }

    @Test
    void mutatedMessages() {
        Seeds.forEach(RUNS, random -> {
            byte[] datagram = random.oneOf(CORPUS).clone();
            int mutations = random.between(1, 8);
            for (int i = 0; i < mutations; i++) {
                mutate(datagram, random);
            }
            readAll(datagram);
        });
    }

    @Test
    void everyLengthFieldWithEveryEdgeValue() {
        // Lengths stand at offsets that are multiples of four: those of messages, of attributes, of next hops.
        int[] edges = {0, 3, 4, 5, 15, 16, 0xffff};
        for (byte[] original : CORPUS) {
            int end = Math.min(original.length - 1, 320);
            for (int offset = 0; offset < end; offset += 4) {
                byte[] datagram = original.clone();
                for (int edge : edges) {
                    ByteBuffer.wrap(datagram).order(ByteOrder.LITTLE_ENDIAN).putShort(offset, (short) edge);
                    readAll(datagram);
                }
            }
        }
    }

    @Test
    void anyBytes() {
        Seeds.forEach(RUNS, random -> readAll(random.bytes(0, 200)));
    }

    @Test
    void anyBytesBehindAHeaderOfKnownType() {
        Seeds.forEach(RUNS, random -> {
            byte[] datagram = random.bytes(16, 300);
            ByteBuffer header = ByteBuffer.wrap(datagram).order(ByteOrder.LITTLE_ENDIAN);
            header.putInt(0, datagram.length);
            header.putShort(4, random.chance(0.2) ? (short) LogMessage.PACKET : (short) random.between(1, 36));
            if (datagram.length > 16) {
                datagram[16] = random.oneOf((byte) 0, (byte) 2, (byte) 7, (byte) 10);
            }
            readAll(datagram);
        });
    }

    @Test
    void routesSurviveWritingAndReading() {
        Seeds.forEach(2000, random -> {
            Route route = route(random);
            assertThat(reread(Requests.add(route), RouteMessage::read)).contains(route);
        });
    }

    @Test
    void addressesNeighboursForwardingEntriesAndRulesSurviveWritingAndReading() {
        Seeds.forEach(2000, random -> {
            IpFamily family = random.oneOf(IpFamily.values());
            int index = random.between(1, Integer.MAX_VALUE);
            Address address = Address.of(
                            index, new InterfaceAddress(random.address(family), random.between(0, family.bits())))
                    .flags(random.between(0, 0xfff))
                    .scope(random.between(0, 255));
            Neighbour neighbour = Neighbour.permanent(index, random.address(family), random.mac());
            FdbEntry entry = FdbEntry.permanent(index, random.mac(), random.address(family));
            Rule rule = Rule.lookup(family, random.between(0, Integer.MAX_VALUE), random.between(1, Integer.MAX_VALUE))
                    .from(random.cidr(family, 0, family.bits()))
                    .to(random.cidr(family, 0, family.bits()))
                    .input(new InterfaceName(random.text("abcxyz019._-@", 3, 15)))
                    .mark(random.between(0, Integer.MAX_VALUE), random.between(0, Integer.MAX_VALUE));

            assertThat(reread(Requests.add(address), AddressMessage::read)).contains(address);
            assertThat(reread(Requests.add(neighbour), NeighbourMessage::read)).contains(neighbour);
            assertThat(reread(Requests.append(entry), NeighbourMessage::readFdb))
                    .contains(entry);
            assertThat(reread(Requests.add(rule), RuleMessage::read)).contains(rule);
        });
    }

    @Test
    void tuplesOfConnectionsSurviveWritingAndReading() {
        Seeds.forEach(2000, random -> {
            IpFamily family = random.oneOf(IpFamily.values());
            ConntrackEntry entry = entry(family, random);

            byte[] bytes = ConntrackRequests.delete(entry).bytes();
            // What deletes has one tuple; read again as both, it is the same.
            ByteBuffer message = ByteBuffer.allocate(bytes.length * 2).order(ByteOrder.nativeOrder());
            int tuple = Short.toUnsignedInt(
                    ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getShort(20));
            message.put(bytes).put(bytes, 20, tuple);
            message.putShort(bytes.length + 2, (short) 2).putInt(0, message.position());
            MessageReader reader = new MessageReader(message, message.position());
            assertThat(reader.next()).isTrue();

            ConntrackEntry read = ConntrackMessage.read(reader).orElseThrow();
            assertThat(read.original()).isEqualTo(entry.original());
            assertThat(read.reply()).isEqualTo(entry.original());
            assertThat(read.id()).isEqualTo(entry.id());
            assertThat(read.zone()).isEqualTo(entry.zone());
        });
    }

    private static ConntrackEntry entry(IpFamily family, Generator random) {
        ConntrackTuple tuple = random.chance(0.5)
                ? new ConntrackTuple(
                        random.address(family),
                        random.address(family),
                        random.oneOf(6, 17, 132),
                        random.between(0, 65535),
                        random.between(0, 65535),
                        Optional.empty())
                : new ConntrackTuple(
                        random.address(family),
                        random.address(family),
                        family == IpFamily.IPV4 ? 1 : 58,
                        0,
                        0,
                        Optional.of(new ConntrackTuple.IcmpQuery(
                                random.between(0, 65535), random.between(0, 255), random.between(0, 255))));
        return new ConntrackEntry(tuple, tuple, random.between(0, 65535), 0, (int) random.bits(), 0);
    }

    private static Route route(Generator random) {
        IpFamily family = random.oneOf(IpFamily.values());
        Route route = Route.to(random.cidr(family, 0, family.bits()))
                .link(random.between(1, Integer.MAX_VALUE))
                .table(random.between(1, Integer.MAX_VALUE))
                .protocol(random.between(0, 255))
                .metric(random.between(0, Integer.MAX_VALUE));
        if (random.chance(0.5)) {
            IpAddress router = random.address(random.chance(0.8) ? family : IpFamily.IPV6);
            route = random.chance(0.5) ? route.via(router) : route.viaOnlink(router);
        }
        if (random.chance(0.5)) {
            route = route.preferredSource(random.address(family)).mtu(random.between(68, 65535));
        }
        return route;
    }

    private static <T> Optional<T> reread(Request request, Function<MessageReader, Optional<T>> reader) {
        byte[] bytes = request.bytes();
        MessageReader message = new MessageReader(ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()), bytes.length);
        assertThat(message.next()).isTrue();
        Optional<T> object = reader.apply(message);
        assertThat(message.next()).isFalse();
        return object;
    }

    private static void mutate(byte[] datagram, Generator random) {
        int at = random.between(0, datagram.length - 1);
        switch (random.between(0, 3)) {
            case 0 -> datagram[at] = (byte) random.bits();
            case 1 -> datagram[at] ^= (byte) (1 << random.between(0, 7));
            case 2 -> {
                int aligned = at & ~3;
                ByteBuffer.wrap(datagram).order(ByteOrder.LITTLE_ENDIAN).putShort(aligned, (short)
                        random.between(0, datagram.length));
            }
            default -> {
                int from = random.between(0, datagram.length - 1);
                int length = Math.min(random.between(1, 64), datagram.length - Math.max(at, from));
                System.arraycopy(datagram, from, datagram, at, length);
            }
        }
    }

    /** Has every reader read every message, whatever the message's type. */
    private static void readAll(byte[] datagram) {
        for (Consumer<MessageReader> reader : READERS) {
            MessageReader message = Corpus.reader(datagram);
            int messages = 0;
            try {
                while (message.next()) {
                    messages++;
                    assertThat(messages)
                            .as("each message has at least a header")
                            .isLessThanOrEqualTo(datagram.length / 16);
                    readOne(reader, message);
                }
            } catch (MalformedMessageException expected) {
                // The framing itself is broken: there is no next message.
            }
        }
    }

    private static void readOne(Consumer<MessageReader> reader, MessageReader message) {
        try {
            reader.accept(message);
        } catch (MalformedMessageException expected) {
            assertThat(expected.errno()).isEqualTo(Errno.EBADMSG);
        }
    }
}
