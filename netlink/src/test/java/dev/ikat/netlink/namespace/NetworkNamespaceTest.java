package dev.ikat.netlink.namespace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NetworkNamespaceTest {
    @Test
    void missingPathIsGone() {
        assertThatThrownBy(() -> NetworkNamespace.open(Path.of("/run/netns/ikt-no-such-namespace")))
                .isInstanceOf(NamespaceGoneException.class)
                .hasMessageContaining("/run/netns/ikt-no-such-namespace")
                .hasMessageContaining("ENOENT");
    }

    @Test
    void processThatEndedIsGone() {
        assertThatThrownBy(() -> NetworkNamespace.open(Path.of("/proc/2147483647/ns/net")))
                .isInstanceOf(NamespaceGoneException.class);
    }

    @Test
    void plainFileLeftAtTheMountPointIsGone(@TempDir Path directory) throws IOException {
        Path file = Files.createFile(directory.resolve("netns"));

        assertThatThrownBy(() -> NetworkNamespace.open(file))
                .isInstanceOf(NamespaceGoneException.class)
                .hasMessageContaining("is not a network namespace");
    }

    @Test
    void namespaceOfAnotherTypeIsRefused() {
        assertThatThrownBy(() -> NetworkNamespace.open(Path.of("/proc/self/ns/uts")))
                .isInstanceOf(NamespaceGoneException.class);
    }

    @Test
    void currentIsTheOneOfTheProcess() throws IOException {
        try (NetworkNamespace current = NetworkNamespace.current()) {
            assertThat(current.inode()).isEqualTo(inodeOf("/proc/self/ns/net"));
        }
    }

    @Test
    @RequiresRoot
    void callRunsInsideAndTheCallerStaysOutside() throws IOException {
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path())) {
            long inside = namespace.call(NetworkNamespaceTest::currentInode);

            assertThat(inside)
                    .isEqualTo(namespace.inode())
                    .isEqualTo(inodeOf(test.path().toString()));
            assertThat(currentInode()).isEqualTo(inodeOf("/proc/self/ns/net")).isNotEqualTo(inside);
        }
    }

    @Test
    @RequiresRoot
    void threadMadeForItEntersItselfAndComesBack() throws InterruptedException {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path())) {
            Thread thread = NetworkNamespace.threads("worker-").newThread(() -> {
                Thread caller = Thread.currentThread();
                long inside = namespace.call(() -> {
                    assertThat(Thread.currentThread()).isSameAs(caller);
                    return currentInode();
                });
                assertThat(caller.getName()).isEqualTo("worker-0");
                assertThat(inside).isEqualTo(namespace.inode());
                assertThat(currentInode()).isNotEqualTo(inside);
            });
            thread.setUncaughtExceptionHandler((_, e) -> failure.set(e));
            thread.start();
            thread.join();
        }
        assertThat(failure.get()).isNull();
    }

    @Test
    @RequiresRoot
    void nestedCallReturnsToTheOuterNamespace() {
        try (TestNamespace outerTest = TestNamespace.create();
                TestNamespace innerTest = TestNamespace.create();
                NetworkNamespace outer = NetworkNamespace.open(outerTest.path());
                NetworkNamespace inner = NetworkNamespace.open(innerTest.path())) {
            List<Long> seen = outer.call(
                    () -> List.of(currentInode(), inner.call(NetworkNamespaceTest::currentInode), currentInode()));

            assertThat(seen).containsExactly(outer.inode(), inner.inode(), outer.inode());
        }
    }

    @Test
    @RequiresRoot
    void exceptionOfTheTaskComesOutAndTheThreadIsBack() {
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path());
                NetworkNamespace own = NetworkNamespace.current()) {
            IllegalStateException thrown = new IllegalStateException("of the task");
            assertThatThrownBy(() -> namespace.call(() -> {
                        throw thrown;
                    }))
                    .isSameAs(thrown);

            assertThat(own.call(NetworkNamespaceTest::currentInode)).isEqualTo(own.inode());
        }
    }

    @Test
    @RequiresRoot
    void manyCallersAtOnceEachSeeTheirOwn() throws InterruptedException {
        try (TestNamespace first = TestNamespace.create();
                TestNamespace second = TestNamespace.create();
                NetworkNamespace one = NetworkNamespace.open(first.path());
                NetworkNamespace two = NetworkNamespace.open(second.path())) {
            ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                NetworkNamespace mine = i % 2 == 0 ? one : two;
                threads.add(Thread.ofPlatform().start(() -> {
                    for (int j = 0; j < 50; j++) {
                        long seen = mine.call(NetworkNamespaceTest::currentInode);
                        if (seen != mine.inode()) {
                            wrong.add(mine + " saw " + seen);
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }

            assertThat(wrong).isEmpty();
        }
    }

    @Test
    @RequiresRoot
    @SuppressWarnings("try") // closing twice is what is tested
    void closedNamespaceIsNotUsed() {
        try (TestNamespace test = TestNamespace.create()) {
            NetworkNamespace namespace = NetworkNamespace.open(test.path());
            namespace.close();
            namespace.close();

            assertThatThrownBy(namespace::fd)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("was closed");
            assertThatThrownBy(() -> Rtnetlink.open(namespace)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    @RequiresRoot
    @SuppressWarnings("try") // closed early on purpose
    void socketOutlivesTheNamespacesName() {
        try (TestNamespace test = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(test.path());
                Rtnetlink rtnetlink = Rtnetlink.open(namespace)) {
            namespace.close();
            test.close();

            assertThat(rtnetlink.links()).hasSize(1);
        }
    }

    private static long currentInode() {
        try (NetworkNamespace current = NetworkNamespace.current()) {
            return current.inode();
        }
    }

    private static long inodeOf(String path) throws IOException {
        return (long) Files.getAttribute(Path.of(path), "unix:ino");
    }
}
