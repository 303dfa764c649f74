package dev.ikat.agent.services;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of clients with session affinity from one dataplane to its successor: it is told of them before it sends any
 * connection anywhere, and once more, before the former one goes, of those that have come meanwhile. A client that
 * can't be handed over may get another backend, which is better than none. Not thread-safe.
 */
final class StickyHandover {
    private static final Logger LOG = LoggerFactory.getLogger(StickyHandover.class);

    private final Dataplanes dataplanes;
    private final Dataplane successor;
    private final ServiceProgram program;
    /** How long those have left that the successor was told of. */
    private final Map<Choice, Duration> told = new HashMap<>();

    private record Choice(IpAddress client, Frontend frontend, Backend backend) {
        static Choice of(StickyClient client) {
            return new Choice(client.address(), client.frontend(), client.backend());
        }
    }

    StickyHandover(Dataplanes dataplanes, Dataplane successor, ServiceProgram program) {
        this.dataplanes = dataplanes;
        this.successor = successor;
        this.program = program;
    }

    /** Those that the successor has to have from the first packet on. */
    List<StickyClient> begin() {
        List<StickyClient> clients = clients();
        clients.forEach(
                client -> told.merge(Choice.of(client), client.left(), BinaryOperator.maxBy(Duration::compareTo)));
        return clients;
    }

    /** The successor is in force, and gets those that have come, or come again, to the former dataplane meanwhile. */
    void finish(ServiceBackend next) {
        List<StickyClient> late = clients().stream()
                .filter(client -> client.left().compareTo(told.getOrDefault(Choice.of(client), Duration.ZERO)) > 0)
                .toList();
        try {
            next.adopt(late);
        } catch (RuntimeException e) {
            lost(e);
            return;
        }
        if (!told.isEmpty() || !late.isEmpty()) {
            LOG.atInfo()
                    .addKeyValue("clients", told.size())
                    .addKeyValue("late", late.size())
                    .log("sticky-clients-kept");
        }
    }

    private List<StickyClient> clients() {
        try {
            return dataplanes.stickyClientsBeside(successor, program);
        } catch (RuntimeException e) {
            lost(e);
            return List.of();
        }
    }

    private static void lost(RuntimeException e) {
        LOG.atWarn().addKeyValue("reason", e.getMessage()).log("sticky-clients-lost");
    }
}
