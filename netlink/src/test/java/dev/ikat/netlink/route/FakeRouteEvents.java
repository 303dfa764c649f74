package dev.ikat.netlink.route;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What changed in a {@link FakeNetlink} since it was listened to. */
final class FakeRouteEvents implements RouteEvents {
    /** Empty where it was closed: then nobody has to wait any longer. */
    private final BlockingQueue<Optional<Event>> events = new LinkedBlockingQueue<>();

    private volatile boolean closed;

    void add(Event event) {
        events.add(Optional.of(event));
    }

    @Override
    public List<Event> poll(Duration timeout) {
        if (closed) {
            throw new IllegalStateException("it was closed");
        }
        List<Optional<Event>> news = new ArrayList<>();
        try {
            Optional<Event> first = events.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
            if (first != null) {
                news.add(first);
                events.drainTo(news);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return news.stream().flatMap(Optional::stream).toList();
    }

    @Override
    public void close() {
        closed = true;
        events.add(Optional.empty());
    }
}
