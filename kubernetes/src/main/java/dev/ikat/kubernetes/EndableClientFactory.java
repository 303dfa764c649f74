package dev.ikat.kubernetes;

import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientFactory;
import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientImpl;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.http.HttpClient;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes fabric8's client upon one of the JDK's, and keeps hold of that one: it can be ended while answers still come,
 * and takes its threads with it once the last one has.
 */
final class EndableClientFactory extends JdkHttpClientFactory {
    private static final long IDLE_SECONDS = 5;

    private final ExecutorService executor = new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            Thread.ofPlatform().daemon().name("api-client-", 0).factory());

    private volatile @Nullable HttpClient made;

    /** The JDK's builder, in a form that shows what it builds: fabric8 keeps that to itself. */
    @Override
    protected HttpClient.Builder createNewHttpClientBuilder() {
        HttpClient.Builder builder = HttpClient.newBuilder().executor(executor);
        return (HttpClient.Builder) Proxy.newProxyInstance(
                HttpClient.Builder.class.getClassLoader(),
                new Class<?>[] {HttpClient.Builder.class},
                (proxy, method, arguments) -> {
                    try {
                        Object result = method.invoke(builder, arguments);
                        if (result instanceof HttpClient client) {
                            made = client;
                        }
                        return result instanceof HttpClient.Builder ? proxy : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause() == null ? e : e.getCause();
                    }
                });
    }

    /** Takes no more requests, and ends when the answers under way have. */
    void retire() {
        HttpClient client = made;
        if (client != null) {
            client.shutdown();
        }
    }

    @Override
    protected void closeHttpClient(JdkHttpClientImpl closed) {
        end();
    }

    /** Ends at once. */
    void end() {
        HttpClient client = made;
        if (client != null) {
            client.shutdownNow();
        }
        executor.shutdownNow();
    }
}
