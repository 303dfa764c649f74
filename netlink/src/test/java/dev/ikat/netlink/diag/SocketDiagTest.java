package dev.ikat.netlink.diag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.LoopbackTraffic;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sockets of the running kernel. */
@RequiresRoot
class SocketDiagTest {
    private static final int PORT = 4242;

    private final TestNamespace test = LoopbackTraffic.namespace();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());
    private final SocketDiag diag = SocketDiag.open(namespace);

    @AfterEach
    void close() {
        diag.close();
        namespace.close();
        test.close();
    }

    private DatagramChannel connect(ProtocolFamily family, IpAddress to, int port) {
        return namespace.call(() -> {
            try {
                return DatagramChannel.open(family).connect(new InetSocketAddress(to.toInetAddress(), port));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"INET, IPV4, 10.1.0.2", "INET6, IPV6, 10.1.0.2", "INET6, IPV6, fd00::2"})
    void connectedSocketIsListedAndEnded(StandardProtocolFamily own, IpFamily family, String peer) throws IOException {
        assumeThat(diag.canEnd()).as("CONFIG_INET_DIAG_DESTROY").isTrue();
        IpAddress to = IpAddress.parse(peer);
        try (DatagramChannel ended = connect(own, to, PORT);
                DatagramChannel other = connect(own, to, PORT + 1)) {
            List<ConnectedSocket> sockets = diag.connected();

            assertThat(sockets)
                    .extracting(ConnectedSocket::family, ConnectedSocket::peer, ConnectedSocket::peerPort)
                    .containsExactlyInAnyOrder(tuple(family, to, PORT), tuple(family, to, PORT + 1));
            assertThat(sockets).extracting(ConnectedSocket::cookie).doesNotHaveDuplicates();
            List<ConnectedSocket> gone =
                    sockets.stream().filter(socket -> socket.peerPort() == PORT).toList();
            assertThat(diag.end(gone)).isEqualTo(1);
            assertThat(diag.end(gone)).as("a second time").isZero();
            assertThatThrownBy(() -> ended.write(ByteBuffer.allocate(1))).isInstanceOf(IOException.class);
            assertThat(other.write(ByteBuffer.allocate(1))).isEqualTo(1);
            assertThat(diag.connected()).hasSize(1);
        }
    }

    @Test
    void namespaceHasACookieOfItsOwn() {
        try (NetworkNamespace current = NetworkNamespace.current()) {
            assertThat(namespace.cookie()).isEqualTo(namespace.cookie()).isNotEqualTo(current.cookie());
        }
    }
}
