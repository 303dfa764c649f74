package dev.ikat.netlink.netfilter;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.random.Seeds;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PacketHeaderTest {
    private static final String V4 = "45000028000040004006000" + "00a0100020a020003";
    private static final String V4_OPTIONS = "46000028000040004006000" + "00a0100020a02000301010101";
    private static final String V6_ENDS = "fd000000000000000000000000000002" + "fd000000000000000000000000000003";

    @ParameterizedTest
    @CsvSource({
        V4 + "12340050, 6, 4660, 80",
        V4_OPTIONS + "12340050, 6, 4660, 80",
        // Cut off before or within the ports.
        V4 + ", 6, 0, 0",
        V4 + "123400, 6, 0, 0",
        // A later fragment has no ports.
        "450000280000002a40110000" + "0a0100020a020003" + "12340050, 17, 0, 0",
        // ICMP has none.
        "45000028000040004001000" + "00a0100020a020003" + "08001234, 1, 0, 0",
        "45000028000040004084000" + "00a0100020a020003" + "12340050, 132, 4660, 80",
    })
    void ipv4(String packet, int protocol, int sourcePort, int destinationPort) {
        assertThat(PacketHeader.parse(HexFormat.of().parseHex(packet)))
                .contains(new PacketHeader(
                        IpAddress.parse("10.1.0.2"),
                        IpAddress.parse("10.2.0.3"),
                        protocol,
                        sourcePort,
                        destinationPort));
    }

    @ParameterizedTest
    @CsvSource({
        "06, 12340050, 6, 4660, 80",
        // Hop-by-hop options, then destination options of 16 bytes.
        "00, 3c00000000000000 11010000000000000000000000000000 12340035, 17, 4660, 53",
        // A first fragment, an authentication header of 16 bytes.
        "2c, 3300000100000001 0602000000000000 0000000000000000 12340050, 6, 4660, 80",
        // A later fragment.
        "2c, 1100000900000001 12340035, 17, 0, 0",
        // Cut off within an extension header: what follows is not known.
        "00, 3c000000, 0, 0, 0",
        "00, 06ff000000000000 12340050, 6, 0, 0",
        "3a, 80001234, 58, 0, 0",
    })
    void ipv6(String next, String rest, int protocol, int sourcePort, int destinationPort) {
        String packet = "600000000028" + next + "40" + V6_ENDS + rest.replace(" ", "");

        assertThat(PacketHeader.parse(HexFormat.of().parseHex(packet)))
                .contains(new PacketHeader(
                        IpAddress.parse("fd00::2"), IpAddress.parse("fd00::3"), protocol, sourcePort, destinationPort));
    }

    @Test
    void endlessExtensionHeadersAreNotFollowed() {
        byte[] packet = HexFormat.of().parseHex("600000000028" + "0040" + V6_ENDS + "0000000000000000".repeat(100));

        assertThat(PacketHeader.parse(packet).orElseThrow().protocol()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"''", "45", "44000028000040004006000" + "00a0100020a020003", "00112233445566778899", "6000"})
    void whatIsNoPacketIsEmpty(String packet) {
        assertThat(PacketHeader.parse(HexFormat.of().parseHex(packet))).isEmpty();
    }

    @Test
    void anyBytesEndInAHeaderOrNothing() {
        Seeds.forEach(20_000, random -> {
            byte[] packet = random.bytes(0, 128);
            if (packet.length > 6) {
                packet[0] = random.oneOf((byte) 0x45, (byte) 0x60, (byte) 0x4f, packet[0]);
                packet[6] = random.oneOf((byte) 0, (byte) 43, (byte) 44, (byte) 51, (byte) 60, packet[6]);
            }

            Optional<PacketHeader> header = PacketHeader.parse(packet);

            header.ifPresent(found -> {
                int from = found.source().family() == IpFamily.IPV4 ? 12 : 8;
                int length = found.source().family().byteLength();
                assertThat(found.source().toBytes()).isEqualTo(Arrays.copyOfRange(packet, from, from + length));
            });
        });
    }
}
