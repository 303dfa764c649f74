package dev.ikat.kubernetes;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A body that knows whether it should have said something. */
final class GuardedStream extends FilterInputStream {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedStream.class);

    private final long patience;
    private volatile long deadline;

    GuardedStream(InputStream in, Duration patience) {
        super(in);
        this.patience = patience.toNanos();
        touch();
    }

    private void touch() {
        deadline = System.nanoTime() + patience;
    }

    boolean isStalled() {
        return System.nanoTime() - deadline > 0;
    }

    @Override
    public int read() throws IOException {
        int read = super.read();
        touch();
        return read;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        int read = super.read(bytes, offset, length);
        touch();
        return read;
    }

    void closeQuietly() {
        try {
            close();
        } catch (IOException e) {
            LOG.atDebug().addKeyValue("error", e::toString).log("api-close-failed");
        }
    }
}
