package dev.ikat.agent.observe;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers in kube-proxy's place when load balancers ask whether this node does services, at {@code /healthz} and
 * {@code /livez}. While the port is another's, such as a kube-proxy's, it is asked for again each time. Thread-safe.
 */
public final class ServiceHealthPort implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ServiceHealthPort.class);

    private final int port;
    private final ServiceHealth health;
    private Optional<HttpPort> open = Optional.empty();
    private Optional<String> failure = Optional.empty();

    /** @param port 0 for none */
    public ServiceHealthPort(int port, ServiceHealth health) {
        this.port = port;
        this.health = health;
    }

    /**
     * Answers from now on, in the calling thread's network namespace; where it can't listen, the next call tries again.
     */
    public synchronized void serve() {
        if (port == 0 || open.isPresent()) {
            return;
        }
        try {
            open = Optional.of(new HttpPort(port, Map.of("/healthz", health::ready, "/livez", health::live)));
            failure = Optional.empty();
            LOG.atInfo().addKeyValue("port", port).log("service-health-served");
        } catch (IOException e) {
            String text =
                    "load balancers that ask at port " + port + " whether this node does services are not answered: "
                            + e.getMessage() + "; end who listens there, or set service-health-port";
            if (!failure.equals(Optional.of(text))) {
                LOG.atWarn().addKeyValue("error", text).log("service-health-port-failed");
            }
            failure = Optional.of(text);
        }
    }

    /** Whether this port is the one, and nobody else's therefore. */
    public synchronized boolean holds(int asked) {
        return port == asked && open.isPresent();
    }

    /** Why nobody is answered; empty if they are, or are not to be. */
    public synchronized Optional<String> failure() {
        return failure;
    }

    /** Answers nobody any more. */
    @Override
    public synchronized void close() {
        open.ifPresent(HttpPort::close);
        open = Optional.empty();
        failure = Optional.empty();
    }
}
