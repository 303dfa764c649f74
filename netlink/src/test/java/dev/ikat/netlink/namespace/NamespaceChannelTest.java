package dev.ikat.netlink.namespace;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.FilePassing;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class NamespaceChannelTest {
    private final FilePassing sockets = FilePassing.open();
    private final NamespaceChannel channel = new NamespaceChannel(sockets.receiver());

    @AfterEach
    void close() {
        channel.close();
        sockets.close();
    }

    private String read(int size) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(size);
        int count = channel.read(buffer);
        assertThat(buffer.position()).isEqualTo(count);
        return new String(buffer.array(), 0, count, StandardCharsets.ISO_8859_1);
    }

    private static long inode(TestNamespace namespace) {
        try (NetworkNamespace opened = NetworkNamespace.open(namespace.path())) {
            return opened.inode();
        }
    }

    @Test
    void bytesComeInPiecesAndAnEmptySocketIsNotWaitedFor() throws IOException {
        sockets.send("abcdef");

        assertThat(read(4)).isEqualTo("abcd");
        assertThat(read(4)).isEqualTo("ef");
        assertThat(channel.read(ByteBuffer.allocate(1))).isZero();
        assertThat(channel.take("/a")).isEmpty();
    }

    @Test
    void namespaceComesWithTheFirstByte() throws IOException {
        try (TestNamespace test = TestNamespace.create()) {
            sockets.send("abc", test.path());

            assertThat(read(1)).isEqualTo("a");
            try (NetworkNamespace taken = channel.take("/where/it/is").orElseThrow()) {
                assertThat(taken).hasToString("network namespace /where/it/is [" + taken.inode() + "]");
                assertThat(taken.inode()).isEqualTo(inode(test));
            }
            assertThat(read(3)).isEqualTo("bc");
            assertThat(FilePassing.hasOpen(test.path())).isFalse();
        }
    }

    @Test
    void ofSeveralTheFirstIsKeptAndTheOthersAreClosed() throws IOException {
        try (TestNamespace first = TestNamespace.create();
                TestNamespace second = TestNamespace.create();
                TestNamespace third = TestNamespace.create()) {
            sockets.send("a", first.path(), second.path());
            sockets.send("b", third.path());

            assertThat(read(1)).isEqualTo("a");
            assertThat(read(1)).isEqualTo("b");
            assertThat(FilePassing.hasOpen(second.path())).isFalse();
            assertThat(FilePassing.hasOpen(third.path())).isFalse();
            try (NetworkNamespace taken = channel.take("/a").orElseThrow()) {
                assertThat(taken.inode()).isEqualTo(inode(first));
            }
        }
    }

    @Test
    void whatNobodyTookIsClosedWithTheChannel() throws IOException {
        try (TestNamespace test = TestNamespace.create()) {
            sockets.send("a", test.path());
            assertThat(read(1)).isEqualTo("a");
            assertThat(FilePassing.hasOpen(test.path())).isTrue();

            channel.close();

            assertThat(FilePassing.hasOpen(test.path())).isFalse();
            assertThat(channel.isOpen()).isFalse();
        }
    }

    @Test
    void whatIsNoNamespaceIsClosedAndNotTaken(@TempDir Path directory) throws IOException {
        Path file = Files.createFile(directory.resolve("plain")).toRealPath();
        sockets.send("a", file);

        assertThat(read(1)).isEqualTo("a");
        assertThat(channel.take("/a")).isEmpty();
        assertThat(FilePassing.hasOpen(file)).isFalse();
    }
}
