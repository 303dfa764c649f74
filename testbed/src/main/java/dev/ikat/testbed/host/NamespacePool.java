package dev.ikat.testbed.host;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/** Many namespaces, created and removed a few at a time. */
public final class NamespacePool implements AutoCloseable {
    private static final int AT_ONCE = 4;

    private final List<TestNamespace> namespaces;

    /** Creates {@code size} namespaces. */
    public NamespacePool(int size) {
        namespaces = atOnce(IntStream.range(0, size)
                .mapToObj(i -> (Callable<TestNamespace>) TestNamespace::create)
                .toList());
    }

    /** The namespace with this index, from 0. */
    public TestNamespace get(int index) {
        return namespaces.get(index);
    }

    /** All of them. */
    public List<TestNamespace> all() {
        return namespaces;
    }

    @Override
    public void close() {
        atOnce(namespaces.stream()
                .map(namespace -> (Callable<TestNamespace>) () -> {
                    namespace.close();
                    return namespace;
                })
                .toList());
    }

    private static <T> List<T> atOnce(List<Callable<T>> tasks) {
        try (ExecutorService executor = Executors.newFixedThreadPool(AT_ONCE)) {
            List<T> results = new ArrayList<>();
            for (Future<T> future : executor.invokeAll(tasks)) {
                results.add(future.get());
            }
            return List.copyOf(results);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException("interrupted");
        } catch (ExecutionException e) {
            throw new CommandFailedException("namespaces: " + e.getMessage(), e);
        }
    }
}
