package dev.ikat.ipam;

import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * One line of the lease log: eight hexadecimal digits of the CRC-32C of the rest, a space, the record, a line feed. A
 * record says all there is to say about what it is about, so that a damaged one takes no other with it.
 *
 * <pre>
 *   V 1                                                                        the format of what follows
 *   L P|A|R &lt;since, ms&gt; &lt;pid&gt; &lt;network&gt; &lt;container&gt; &lt;interface&gt; [@&lt;pod&gt;] &lt;address&gt;...
 * this is the lease
 *   F &lt;container&gt; &lt;interface&gt; &lt;address&gt;...                                      it is freed
 *   C &lt;address&gt;...                                                              these cool down, in this order
 * </pre>
 */
sealed interface LeaseRecord {
    /** The format that this code reads and writes. */
    int VERSION = 1;

    record Version(int version) implements LeaseRecord {}

    record Leased(Lease lease) implements LeaseRecord {}

    record Freed(Attachment attachment, List<IpAddress> addresses) implements LeaseRecord {}

    record Cooling(List<IpAddress> addresses) implements LeaseRecord {}

    /** The whole line, its line feed included. */
    default byte[] line() {
        StringBuilder text = new StringBuilder(160).append("00000000 ");
        switch (this) {
            case Version(int version) -> text.append("V ").append(version);
            case Leased(Lease lease) -> {
                text.append("L ").append(letter(lease.state())).append(' ');
                text.append(lease.since().toEpochMilli()).append(' ');
                text.append(lease.ownerPid()).append(' ').append(lease.network());
                append(text, lease.attachment());
                lease.pod().ifPresent(pod -> text.append(" @").append(pod));
                append(text, lease.addresses());
            }
            case Freed(Attachment attachment, List<IpAddress> addresses) -> {
                append(text.append('F'), attachment);
                append(text, addresses);
            }
            case Cooling(List<IpAddress> addresses) -> append(text.append('C'), addresses);
        }
        byte[] line = text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
        int checksum = checksum(line, CHECKSUM_LENGTH + 1, line.length - 1);
        for (int i = 0; i < CHECKSUM_LENGTH; i++) {
            line[i] = (byte) Character.forDigit(checksum >>> (28 - 4 * i) & 0xf, 16);
        }
        return line;
    }

    /** The hexadecimal digits of 32 bits. */
    int CHECKSUM_LENGTH = 8;

    private static void append(StringBuilder text, Attachment attachment) {
        text.append(' ').append(attachment.containerId().value());
        text.append(' ').append(attachment.interfaceName().value());
    }

    private static void append(StringBuilder text, List<IpAddress> addresses) {
        for (IpAddress address : addresses) {
            text.append(' ').append(address);
        }
    }

    private static int checksum(byte[] bytes, int from, int to) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, from, to - from);
        return (int) checksum.getValue();
    }

    /**
     * Reads a line, which is {@code bytes} from {@code from} to before {@code to}, without its line feed.
     *
     * @throws IllegalArgumentException if it is damaged
     */
    static LeaseRecord parse(byte[] bytes, int from, int to) {
        int start = from + CHECKSUM_LENGTH + 1;
        if (to <= start || bytes[start - 1] != ' ') {
            throw new IllegalArgumentException("the record is too short");
        }
        int written = 0;
        for (int i = from; i < start - 1; i++) {
            int digit = Character.digit(bytes[i], 16);
            if (digit < 0) {
                throw new IllegalArgumentException("the record has no checksum");
            }
            written = written << 4 | digit;
        }
        if (written != checksum(bytes, start, to)) {
            throw new IllegalArgumentException("the record has a wrong checksum");
        }
        Words words = new Words(new String(bytes, start, to - start, StandardCharsets.UTF_8));
        String kind = words.next();
        return switch (kind) {
            case "V" -> new Version(Integer.parseInt(words.next()));
            case "L" -> {
                LeaseState state = state(words.next());
                Instant since = Instant.ofEpochMilli(Long.parseLong(words.next()));
                long ownerPid = Long.parseLong(words.next());
                NetworkName network = new NetworkName(words.next());
                yield new Leased(
                        new Lease(words.attachment(), network, words.pod(), words.addresses(), state, since, ownerPid));
            }
            case "F" -> new Freed(words.attachment(), words.addresses());
            case "C" -> new Cooling(words.addresses());
            default -> throw new IllegalArgumentException("unknown kind of record '" + kind + "'");
        };
    }

    private static char letter(LeaseState state) {
        return switch (state) {
            case PENDING -> 'P';
            case ACTIVE -> 'A';
            case RELEASING -> 'R';
        };
    }

    private static LeaseState state(String letter) {
        return switch (letter) {
            case "P" -> LeaseState.PENDING;
            case "A" -> LeaseState.ACTIVE;
            case "R" -> LeaseState.RELEASING;
            default -> throw new IllegalArgumentException("unknown state '" + letter + "'");
        };
    }

    /** The words of a record, one after the other. */
    final class Words {
        private final String text;
        private int position;

        Words(String text) {
            this.text = text;
        }

        String next() {
            if (position > text.length()) {
                throw new IllegalArgumentException("a record ends too early");
            }
            int space = text.indexOf(' ', position);
            int end = space < 0 ? text.length() : space;
            String word = text.substring(position, end);
            position = end + 1;
            return word;
        }

        Attachment attachment() {
            ContainerId container = new ContainerId(next());
            return new Attachment(container, new InterfaceName(next()));
        }

        Optional<PodName> pod() {
            if (!text.startsWith("@", position)) {
                return Optional.empty();
            }
            return Optional.of(PodName.parse(next().substring(1)));
        }

        List<IpAddress> addresses() {
            List<IpAddress> addresses = new ArrayList<>(2);
            while (position <= text.length()) {
                addresses.add(IpAddress.parse(next()));
            }
            return addresses;
        }
    }
}
