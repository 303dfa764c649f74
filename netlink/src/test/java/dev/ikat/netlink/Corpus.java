package dev.ikat.netlink;

import dev.ikat.netlink.wire.MessageReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Datagrams that a kernel sent, recorded by {@link CorpusRecorder} on a little-endian machine. */
final class Corpus {
    static final List<String> NAMES = List.of(
            "acknowledged",
            "addresses",
            "connections-ipv4",
            "connections-ipv6",
            "fdb",
            "link",
            "links",
            "log",
            "log-bound",
            "neighbours-ipv4",
            "neighbours-ipv6",
            "nftables-changes",
            "notifications",
            "refused",
            "refused-attribute",
            "refused-explained",
            "routes-ipv4",
            "routes-ipv6",
            "rules-ipv4",
            "rules-ipv6");

    private Corpus() {}

    static List<byte[]> datagrams(String name) {
        String resource = "corpus/" + name + ".hex";
        try (InputStream stream = Corpus.class.getResourceAsStream(resource)) {
            if (stream == null) {
                throw new IllegalStateException("no resource " + resource);
            }
            return new String(stream.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .map(HexFormat.of()::parseHex)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<byte[]> all() {
        return NAMES.stream().flatMap(name -> datagrams(name).stream()).toList();
    }

    static MessageReader reader(byte[] datagram) {
        return new MessageReader(ByteBuffer.wrap(datagram).order(ByteOrder.LITTLE_ENDIAN), datagram.length);
    }

    /** What a parser makes of the messages of a dump, its end left out. */
    static <T> List<T> read(String name, Function<MessageReader, Optional<T>> parser) {
        List<T> objects = new ArrayList<>();
        for (byte[] datagram : datagrams(name)) {
            MessageReader message = reader(datagram);
            while (message.next()) {
                if (message.type() != MessageReader.NLMSG_DONE && message.type() != MessageReader.NLMSG_ERROR) {
                    parser.apply(message).ifPresent(objects::add);
                }
            }
        }
        return objects;
    }
}
