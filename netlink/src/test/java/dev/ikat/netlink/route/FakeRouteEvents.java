package dev.ikat.netlink.route;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What changed in a {@link FakeNetlink} since it was listened to. */
final class FakeRouteEvents implements RouteEvents {
    private static final Event CLOSED = new Event.Resync("closed");

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private volatile boolean closed;

    void add(Event event) {
        events.add(event);
    }

    @Override
    public List<Event> poll(Duration timeout) {
        if (closed) {
            throw new IllegalStateException("it was closed");
        }
        List<Event> news = new ArrayList<>();
        try {
            Event first = events.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
            if (first != null) {
                news.add(first);
                events.drainTo(news);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        news.removeIf(CLOSED::equals);
        return news;
    }

    @Override
    public void close() {
        closed = true;
        events.add(CLOSED);
    }
}
