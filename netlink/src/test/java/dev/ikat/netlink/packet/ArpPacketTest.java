package dev.ikat.netlink.packet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.ArpPacket.Operation;
import dev.ikat.testbed.random.Seeds;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArpPacketTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final MacAddress ASKER = MacAddress.parse("02:00:00:00:00:02");
    private static final IpAddress IP = IpAddress.parse("192.0.2.7");

    private static final String REQUEST =
            "0001080006040001" + "020000000002" + "c0000202" + "000000000000" + "c0000207";

    private static Optional<ArpPacket> read(String hex) {
        return ArpPacket.read(ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
    }

    @Test
    void requestIsAnsweredToWhoAsked() {
        ArpPacket request = read(REQUEST + "0000").orElseThrow();

        assertThat(request)
                .isEqualTo(
                        new ArpPacket(Operation.REQUEST, ASKER, IpAddress.parse("192.0.2.2"), new MacAddress(0), IP));
        assertThat(HexFormat.of().formatHex(request.answer(MAC).bytes()))
                .isEqualTo("0001080006040002" + "020000000001" + "c0000207" + "020000000002" + "c0000202");
    }

    @Test
    void announcementHasOneAddressTwice() {
        assertThat(HexFormat.of().formatHex(ArpPacket.announcement(IP, MAC).bytes()))
                .isEqualTo("0001080006040001" + "020000000001" + "c0000207" + "000000000000" + "c0000207");
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0006, hardware type",
        "2, 86dd, protocol",
        "4, 0804, length of hardware addresses",
        "4, 0610, length of protocol addresses",
        "6, 0003, operation of another protocol",
        "8, 0300, group as sender"
    })
    void whatIsNoArpForIpv4OnEthernetIsNotRead(int at, String bytes, String what) {
        String changed = REQUEST.substring(0, 2 * at) + bytes + REQUEST.substring(2 * at + 4);

        assertThat(read(changed)).as(what).isEmpty();
    }

    @Test
    void shortPacketIsNotRead() {
        assertThat(read(REQUEST.substring(2))).isEmpty();
    }

    @Test
    void whatIsWrittenIsRead() {
        Seeds.forEach(200, random -> {
            ArpPacket packet = new ArpPacket(
                    random.oneOf(Operation.REQUEST, Operation.REPLY),
                    random.mac(),
                    random.address(IpFamily.IPV4),
                    random.mac(),
                    random.address(IpFamily.IPV4));

            assertThat(ArpPacket.read(ByteBuffer.wrap(packet.bytes()))).contains(packet);
        });
    }
}
