package dev.ikat.agent.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.FilePassing;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@Timeout(30)
class CniServerTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @TempDir
    private Path runDirectory;

    static CniResponse echo(CniRequest request) {
        String text = request.variable("CNI_COMMAND") + " " + request.variable("CNI_CONTAINERID") + " "
                + new String(request.stdin(), StandardCharsets.UTF_8);
        return new CniResponse(7, text.getBytes(StandardCharsets.UTF_8));
    }

    private CniServer start(Function<CniRequest, CniResponse> handler) {
        return start(handler, 4);
    }

    private CniServer start(Function<CniRequest, CniResponse> handler, int threads) {
        return CniServer.start(runDirectory, handler.andThen(Reply::silent), new ContainerLanes(), threads);
    }

    private SocketChannel connect() throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(runDirectory.resolve(CniServer.SOCKET)));
        return channel;
    }

    private static ByteBuffer frame(Map<String, String> environment, String stdin) {
        StringBuilder payload = new StringBuilder();
        environment.forEach(
                (name, value) -> payload.append(name).append('=').append(value).append('\0'));
        byte[] bytes = payload.append('\0').append(stdin).toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(4 + bytes.length)
                .putInt(bytes.length)
                .put(bytes)
                .flip();
    }

    private static void send(SocketChannel channel, String verb, String container) throws IOException {
        channel.write(frame(Map.of("CNI_COMMAND", verb, "CNI_CONTAINERID", container), "{}"));
    }

    /** Exit code and stdout, or the end of the connection. */
    private static String receive(SocketChannel channel) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(8);
        while (header.hasRemaining()) {
            if (channel.read(header) < 0) {
                return "closed";
            }
        }
        ByteBuffer stdout = ByteBuffer.allocate(header.getInt(0) - 4);
        while (stdout.hasRemaining() && channel.read(stdout) >= 0) {}
        return header.getInt(4) + " " + new String(stdout.array(), StandardCharsets.UTF_8);
    }

    @Test
    void requestIsAnsweredWithExitCodeAndStdout() throws IOException {
        try (CniServer server = start(CniServerTest::echo);
                SocketChannel channel = connect()) {
            channel.write(frame(Map.of("CNI_COMMAND", "ADD", "CNI_CONTAINERID", "c1"), "{\"name\":\"ü\"}"));
            assertThat(receive(channel)).isEqualTo("7 ADD c1 {\"name\":\"ü\"}");
            assertThat(server).isNotNull();
        }
    }

    /** Sends a request with a file, by the jnr library, whose channels have descriptors that can be asked for. */
    private UnixSocketChannel pass(ByteBuffer frame, Path file) throws IOException {
        UnixSocketChannel channel = UnixSocketChannel.open(
                new UnixSocketAddress(runDirectory.resolve(CniServer.SOCKET).toFile()));
        FilePassing.send(channel.getFD(), frame, file);
        return channel;
    }

    private static boolean readEnd(UnixSocketChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(1024);
        while (channel.read(buffer.clear()) >= 0) {}
        return true;
    }

    private static long inode(TestNamespace namespace) {
        try (NetworkNamespace opened = NetworkNamespace.open(namespace.path())) {
            return opened.inode();
        }
    }

    @Test
    void namespaceThatIsPassedIsTheRequestsAndClosedAfterIt() throws IOException {
        List<String> seen = new CopyOnWriteArrayList<>();
        try (TestNamespace namespace = TestNamespace.create();
                CniServer server = start(request -> {
                    seen.add(request.namespace().map(NetworkNamespace::toString).orElse("none"));
                    return echo(request);
                })) {
            long inode = inode(namespace);
            // The server does not see the path, and does not need it.
            Map<String, String> variables = Map.of("CNI_COMMAND", "ADD", "CNI_NETNS", "/not/seen/here");
            try (UnixSocketChannel channel = pass(frame(variables, "{}"), namespace.path())) {
                assertThat(readEnd(channel)).isTrue();
            }
            try (UnixSocketChannel channel = pass(frame(variables, "{}"), Path.of("/dev/null"))) {
                assertThat(readEnd(channel)).isTrue();
            }
            assertThat(seen).containsExactly("network namespace /not/seen/here [" + inode + "]", "none");
            Await.until(LIMIT, () -> "it is still open", () -> !FilePassing.hasOpen(namespace.path()));
            assertThat(server).isNotNull();
        }
    }

    @Test
    void namespaceThatIsPassedWithNonsenseIsClosed() throws IOException {
        try (TestNamespace namespace = TestNamespace.create();
                CniServer server = start(CniServerTest::echo)) {
            ByteBuffer nonsense = ByteBuffer.allocate(8).putInt(4).putInt(-1).flip();
            try (UnixSocketChannel channel = pass(nonsense, namespace.path())) {
                assertThat(readEnd(channel)).isTrue();
            }
            Await.until(LIMIT, () -> "it is still open", () -> !FilePassing.hasOpen(namespace.path()));
            assertThat(server).isNotNull();
        }
    }

    @Test
    void socketIsForItsOwnerOnly() throws IOException {
        try (CniServer server = start(CniServerTest::echo)) {
            assertThat(PosixFilePermissions.toString(
                            Files.getPosixFilePermissions(runDirectory.resolve(CniServer.SOCKET))))
                    .isEqualTo("rw-------");
            assertThat(server).isNotNull();
        }
    }

    @Test
    void socketOfDeadAgentIsReplaced() throws IOException {
        Files.writeString(runDirectory.resolve(CniServer.SOCKET), "left behind");
        try (CniServer server = start(CniServerTest::echo);
                SocketChannel channel = connect()) {
            send(channel, "VERSION", "");
            assertThat(receive(channel)).startsWith("7 VERSION");
            assertThat(server).isNotNull();
        }
        assertThat(runDirectory.resolve(CniServer.SOCKET)).doesNotExist();
    }

    @Test
    void socketThatWasTakenAwayIsMadeAgain() throws IOException {
        Path path = runDirectory.resolve(CniServer.SOCKET);
        try (CniServer server = start(CniServerTest::echo);
                SocketChannel former = connect()) {
            assertThat(server.isInPlace()).isTrue();
            Files.delete(path);
            assertThat(server.isInPlace()).isFalse();

            server.restore();

            assertThat(server.isInPlace()).isTrue();
            try (SocketChannel channel = connect()) {
                send(channel, "ADD", "new");
                assertThat(receive(channel)).startsWith("7 ADD new");
            }
            send(former, "ADD", "former");
            assertThat(receive(former)).startsWith("7 ADD former");
        }
    }

    @Test
    void socketOfAnotherAgentIsNotTakenAway() throws IOException {
        CniServer first = start(CniServerTest::echo);
        try (CniServer second = start(CniServerTest::echo)) {
            assertThat(first.isInPlace()).isFalse();

            first.close();

            assertThat(second.isInPlace()).isTrue();
            try (SocketChannel channel = connect()) {
                send(channel, "VERSION", "");
                assertThat(receive(channel)).startsWith("7 VERSION");
            }
        }
    }

    /** A server whose transfers have this time, and room for so many and for so many bytes. */
    private CniServer start(Duration limit, int connections, long bytes) {
        return CniServer.start(
                runDirectory,
                request -> Reply.silent(echo(request)),
                new ContainerLanes(),
                1,
                new Transfers(limit, connections, bytes));
    }

    private SocketChannel sendPart(int length, int sent) throws IOException {
        SocketChannel channel = connect();
        ByteBuffer part = ByteBuffer.allocate(4 + sent).putInt(0, length);
        while (part.hasRemaining()) {
            channel.write(part);
        }
        return channel;
    }

    @Test
    void partsOfRequestsKeepNobodyFromBeingAnswered() throws IOException {
        List<SocketChannel> parts = new ArrayList<>();
        try (CniServer server = start(Duration.ofMinutes(1), 512, 16 << 20)) {
            for (int i = 0; i < 100; i++) {
                parts.add(sendPart(1000, i));
            }
            try (SocketChannel channel = connect()) {
                send(channel, "ADD", "c1");
                assertThat(receive(channel)).startsWith("7 ADD c1");
            }
            // They are answered, too, once they are whole.
            SocketChannel last = parts.getLast();
            last.write(ByteBuffer.allocate(1000 - 99));
            assertThat(receive(last)).startsWith("7   ");
            assertThat(server).isNotNull();
            closeAll(parts);
        }
    }

    @Test
    void partOfARequestIsGivenUpWhenItsTimeIsOver() throws IOException {
        try (CniServer server = start(Duration.ofMillis(200), 512, 16 << 20);
                SocketChannel part = sendPart(1000, 10)) {
            assertThat(receive(part)).isEqualTo("closed");
            assertThat(server).isNotNull();
        }
    }

    @Test
    void partsOfRequestsTakeOnlySoMuchMemory() throws IOException {
        List<SocketChannel> parts = new ArrayList<>();
        try (CniServer server = start(Duration.ofMinutes(1), 512, 4 << 20)) {
            for (int i = 0; i < 6; i++) {
                parts.add(sendPart(LauncherProtocol.MAX_PAYLOAD, LauncherProtocol.MAX_PAYLOAD - 1));
            }
            // The oldest ones went.
            assertThat(receive(parts.get(0))).isEqualTo("closed");
            assertThat(receive(parts.get(1))).isEqualTo("closed");
            parts.get(5).write(ByteBuffer.allocate(1));
            assertThat(receive(parts.get(5))).startsWith("7 ");
            assertThat(server).isNotNull();
            closeAll(parts);
        }
    }

    @Test
    void moreConnectionsThanThereIsRoomForCostTheOldestOnes() throws IOException {
        List<SocketChannel> parts = new ArrayList<>();
        try (CniServer server = start(Duration.ofMinutes(1), 8, 16 << 20)) {
            for (int i = 0; i < 20; i++) {
                parts.add(sendPart(1000, 0));
            }
            for (int i = 0; i < 12; i++) {
                assertThat(receive(parts.get(i))).isEqualTo("closed");
            }
            try (SocketChannel channel = connect()) {
                send(channel, "ADD", "c1");
                assertThat(receive(channel)).startsWith("7 ADD c1");
            }
            assertThat(server).isNotNull();
            closeAll(parts);
        }
    }

    @Test
    void answerThatNobodyReadsKeepsNobodyFromBeingAnswered() throws IOException {
        byte[] large = new byte[8 << 20];
        Function<CniRequest, CniResponse> handler = request ->
                request.variable("CNI_CONTAINERID").equals("large") ? new CniResponse(3, large) : echo(request);
        try (CniServer server = start(handler, 1);
                SocketChannel unread = connect();
                SocketChannel channel = connect()) {
            send(unread, "ADD", "large");
            send(channel, "ADD", "c1");
            assertThat(receive(channel)).startsWith("7 ADD c1");
            assertThat(receive(unread)).startsWith("3 ").hasSize(2 + large.length);
            assertThat(server).isNotNull();
        }
    }

    private static void closeAll(List<SocketChannel> channels) throws IOException {
        for (SocketChannel channel : channels) {
            channel.close();
        }
    }

    @Test
    void requestsOfOneContainerRunInOrderAndOthersBesideThem() throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch entered = new CountDownLatch(1);
        List<String> order = new CopyOnWriteArrayList<>();
        AtomicBoolean overlapped = new AtomicBoolean();
        AtomicBoolean busy = new AtomicBoolean();
        Function<CniRequest, CniResponse> handler = request -> {
            if (request.variable("CNI_CONTAINERID").equals("slow")) {
                overlapped.compareAndSet(false, !busy.compareAndSet(false, true));
                order.add(request.variable("CNI_COMMAND"));
                entered.countDown();
                awaitQuietly(held);
                busy.set(false);
            }
            return echo(request);
        };
        // The second thread takes CHECK, then DEL, then the other one, while the first is held.
        try (CniServer server = start(handler, 2);
                SocketChannel add = connect();
                SocketChannel check = connect();
                SocketChannel del = connect();
                SocketChannel other = connect()) {
            send(add, "ADD", "slow");
            assertThat(entered.await(5, TimeUnit.SECONDS)).isTrue();
            send(check, "CHECK", "slow");
            send(del, "DEL", "slow");
            send(other, "ADD", "quick");
            assertThat(receive(other)).startsWith("7 ADD quick");
            held.countDown();
            assertThat(receive(del)).startsWith("7 DEL slow");
            assertThat(receive(check)).startsWith("7 CHECK slow");
            assertThat(receive(add)).startsWith("7 ADD slow");
            assertThat(order).containsExactly("ADD", "CHECK", "DEL");
            assertThat(overlapped).isFalse();
            assertThat(server).isNotNull();
        }
    }

    @Test
    void failingHandlerClosesTheConnectionAndTheServerGoesOn() throws IOException {
        Function<CniRequest, CniResponse> handler = request -> {
            if (request.variable("CNI_CONTAINERID").equals("bad")) {
                throw new IllegalStateException("expected by the test");
            }
            return echo(request);
        };
        try (CniServer server = start(handler);
                SocketChannel bad = connect();
                SocketChannel good = connect()) {
            send(bad, "ADD", "bad");
            assertThat(receive(bad)).isEqualTo("closed");
            send(good, "ADD", "good");
            assertThat(receive(good)).startsWith("7 ADD good");
            assertThat(server).isNotNull();
        }
    }

    @Test
    void oversizedAndMalformedFramesCloseTheConnection() throws IOException {
        try (CniServer server = start(CniServerTest::echo)) {
            for (ByteBuffer bad : List.of(
                    ByteBuffer.allocate(4)
                            .putInt(LauncherProtocol.MAX_PAYLOAD + 1)
                            .flip(),
                    ByteBuffer.allocate(4).putInt(-1).flip(),
                    ByteBuffer.allocate(4).putInt(0).flip(),
                    ByteBuffer.allocate(7)
                            .putInt(3)
                            .put(new byte[] {'A', '=', 'B'})
                            .flip(),
                    ByteBuffer.allocate(7).putInt(3).put(new byte[] {'A', 0, 0}).flip())) {
                try (SocketChannel channel = connect()) {
                    channel.write(bad);
                    assertThat(receive(channel)).isEqualTo("closed");
                }
            }
            assertThat(server).isNotNull();
        }
    }

    @Test
    void largestFrameIsTaken() throws IOException {
        try (CniServer server = start(request -> new CniResponse(0, request.stdin()));
                SocketChannel channel = connect()) {
            String stdin = "x".repeat(LauncherProtocol.MAX_PAYLOAD - 1);
            ByteBuffer frame = frame(Map.of(), stdin);
            while (frame.hasRemaining()) {
                channel.write(frame);
            }
            assertThat(receive(channel)).isEqualTo("0 " + stdin);
            assertThat(server).isNotNull();
        }
    }

    @Test
    void stopFinishesWhatItBegan() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch held = new CountDownLatch(1);
        try (CniServer server = start(request -> {
                    entered.countDown();
                    awaitQuietly(held);
                    return echo(request);
                });
                SocketChannel channel = connect()) {
            send(channel, "ADD", "c1");
            assertThat(entered.await(5, TimeUnit.SECONDS)).isTrue();
            assertThat(server.stop(Duration.ofMillis(50))).isFalse();
            assertThatThrownBy(this::connect).isInstanceOf(IOException.class);
            held.countDown();
            assertThat(receive(channel)).startsWith("7 ADD c1");
            assertThat(server.stop(Duration.ofSeconds(5))).isTrue();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
