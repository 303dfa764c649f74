package dev.ikat.netlink.packet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;
import dev.ikat.netlink.packet.NeighbourPacket.Solicitation;
import dev.ikat.testbed.random.Seeds;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NeighbourPacketTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final MacAddress ASKER = MacAddress.parse("02:00:00:00:00:02");
    private static final IpAddress TARGET = IpAddress.parse("2001:db8::1:7");
    private static final IpAddress SOURCE = IpAddress.parse("2001:db8::2");

    /** From 2001:db8::2 to the group of 2001:db8::1:7, with the link-layer address of who asks. */
    private static final String ASKED = header("20010db8000000000000000000000002", 32) + "8700" + "%04x" + "00000000"
            + "20010db8000000000000000000010007" + "0101" + "020000000002";

    /** The same without an address of its own. */
    private static final String PROBE = header("00000000000000000000000000000000", 24) + "8700" + "%04x" + "00000000"
            + "20010db8000000000000000000010007";

    private static String header(String source, int length) {
        return "60000000" + "%04x".formatted(length) + "3aff" + source + "ff0200000000000000000001ff010007";
    }

    /** With the right checksum, which is found by trying. */
    private static byte[] packet(String form) {
        for (int sum = 0; sum <= 0xffff; sum++) {
            byte[] bytes = HexFormat.of().parseHex(form.formatted(sum));
            if (checksum(bytes) == 0xffff) {
                return bytes;
            }
        }
        throw new AssertionError("no checksum is right");
    }

    /** The sum over the pseudo-header and the message, by words of 32 bits. */
    private static int checksum(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        long sum = bytes.length - 40L + 58;
        for (int at = 8; at + 3 < bytes.length; at += 4) {
            sum += Integer.toUnsignedLong(in.getInt(at));
        }
        while (sum >>> 16 != 0) {
            sum = (sum >>> 16) + (sum & 0xffff);
        }
        return (int) sum;
    }

    private static Optional<NeighbourPacket> read(byte[] bytes) {
        return NeighbourPacket.read(ByteBuffer.wrap(bytes));
    }

    @Test
    void solicitationIsAnsweredToWhoAsked() {
        Solicitation asked = new Solicitation(SOURCE, TARGET, Optional.of(ASKER));
        assertThat(read(packet(ASKED))).contains(asked);

        byte[] answer = asked.answer(MAC).bytes();

        assertThat(checksum(answer)).isEqualTo(0xffff);
        assertThat(HexFormat.of().formatHex(answer))
                .startsWith("60000000" + "0020" + "3aff" + "20010db8000000000000000000010007"
                        + "20010db8000000000000000000000002" + "8800")
                .endsWith("60000000" + "20010db8000000000000000000010007" + "0201" + "020000000001");
    }

    @Test
    void hostThatOnlyAsksWhetherTheAddressIsTakenIsToldTogetherWithAllOthers() {
        Solicitation probe = new Solicitation(IpAddress.parse("::"), TARGET, Optional.empty());
        assertThat(read(packet(PROBE))).contains(probe);

        assertThat(probe.answer(MAC)).isEqualTo(Advertisement.unasked(TARGET, MAC));
        assertThat(Advertisement.unasked(TARGET, MAC))
                .returns(IpAddress.parse("ff02::1"), Advertisement::destination)
                .returns(false, Advertisement::solicited);
    }

    @ParameterizedTest
    @CsvSource({
        "7, fe, passed on by a router",
        "6, 11, another protocol",
        "41, 01, code",
        "42, 00, checksum",
        "4, ff, longer than the packet",
        "65, 00, option without length",
        "65, 02, option beyond the end",
        "48, ff, target that is a group"
    })
    void whatBreaksARuleIsNotRead(int at, String value, String what) {
        byte[] bytes = packet(ASKED);
        bytes[at] = (byte) HexFormat.fromHexDigits(value);

        assertThat(read(bytes)).as(what).isEmpty();
    }

    @Test
    void probeWithALinkLayerAddressIsNotRead() {
        String form = ASKED.replace("20010db8000000000000000000000002", "0".repeat(32));

        assertThat(read(packet(form))).isEmpty();
    }

    @Test
    void whatIsWrittenIsRead() {
        Seeds.forEach(200, random -> {
            IpAddress target = IpAddress.parse("2001:db8::").plus(random.bits() >>> 1);
            Advertisement packet = random.chance(0.5)
                    ? Advertisement.unasked(target, MAC)
                    : new Advertisement(target, SOURCE, target, true, Optional.of(MAC));

            assertThat(read(packet.bytes())).contains(packet);
        });
    }

    @Test
    void anyBytesAreReadOrNot() {
        byte[] right = packet(ASKED);
        Seeds.forEach(2000, random -> {
            byte[] bytes = random.bytes(0, 120);
            // Often it differs in a few places only.
            System.arraycopy(right, 0, bytes, 0, Math.min(bytes.length, random.between(0, right.length)));

            read(bytes).ifPresent(packet -> assertThat(packet).isInstanceOf(Solicitation.class));
        });
    }

    @Test
    void groupsAreThoseOfTheAddress() {
        assertThat(NeighbourPacket.solicitedNode(TARGET)).isEqualTo(IpAddress.parse("ff02::1:ff01:7"));
        assertThat(NeighbourPacket.groupMac(IpAddress.parse("ff02::1:ff01:7")))
                .isEqualTo(MacAddress.parse("33:33:ff:01:00:07"));
        assertThat(TARGET.family()).isEqualTo(IpFamily.IPV6);
    }
}
