package dev.ikat.agent.node;

import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.server.AgentLock;
import dev.ikat.agent.server.AgentRunningException;
import dev.ikat.agent.server.CniServer;
import dev.ikat.files.OwnDirectory;
import dev.ikat.files.OwnFile;
import java.io.IOError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the run directory complete while the agent runs: if somebody removes or replaces the directory, the socket, the
 * lock or the leases, the agent can't be reached, and another agent could start. All of it is restored, and until then
 * the agent is not ready. Used by one thread.
 */
public final class RunDirectoryKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(RunDirectoryKeeper.class);

    private final Path directory;
    private final Path leases;
    private final AgentLock lock;
    private final CniServer server;
    private final Readiness readiness;
    private final Metrics metrics;
    private final Runnable rebuild;
    private Optional<Object> directoryIdentity;
    private Optional<Object> leasesIdentity;
    private Set<String> missing = Set.of();
    private String failure = "";

    /** @param rebuild has the leases, and the rest of the directory's content, written again; has to be quick */
    public RunDirectoryKeeper(
            Path directory, AgentLock lock, CniServer server, Readiness readiness, Metrics metrics, Runnable rebuild)
            throws IOException {
        this.directory = directory;
        this.leases = directory.resolve("leases");
        this.lock = lock;
        this.server = server;
        this.readiness = readiness;
        this.metrics = metrics;
        this.rebuild = rebuild;
        this.directoryIdentity = OwnFile.identity(directory);
        this.leasesIdentity = OwnFile.identity(leases);
    }

    /**
     * Checks, and restores what is missing.
     *
     * @return whether everything is in its place
     * @throws IOError if nothing can be created in the directory any more; a new start gets a new one
     */
    public boolean check() {
        try {
            lock.answerClaims();
            Set<String> gone = gone();
            if (gone.isEmpty()) {
                lock.renew();
                inOrder();
                return true;
            }
            report(gone);
            if (OwnDirectory.isDeleted(directory)) {
                throw new IOError(
                        new IOException("the run directory " + directory + " was deleted under its mount, and nothing "
                                + "can be created in it; the agent ends, because "
                                + "only a new start of its container mounts a new one"));
            }
            restore(gone);
            return false;
        } catch (IOException | AgentRunningException e) {
            String reason =
                    "can't restore what was removed from the run directory " + directory + ": " + e.getMessage();
            if (!reason.equals(failure)) {
                LOG.atError().addKeyValue("error", reason).log("run-files-failed");
            }
            failure = reason;
            readiness.notReady(Part.SOCKET, reason);
            return false;
        }
    }

    private Set<String> gone() throws IOException {
        Set<String> gone = new LinkedHashSet<>();
        if (!isSame(directory, directoryIdentity)) {
            gone.add("directory");
        }
        if (!server.isInPlace()) {
            gone.add("socket");
        }
        if (!lock.isInPlace()) {
            gone.add("lock");
        }
        if (!isSame(leases, leasesIdentity) || !Files.exists(leases.resolve("leases.log"))) {
            gone.add("leases");
        }
        return gone;
    }

    private static boolean isSame(Path path, Optional<Object> identity) throws IOException {
        return identity.isPresent() && OwnFile.identity(path).equals(identity);
    }

    private void report(Set<String> gone) {
        Set<String> news = new LinkedHashSet<>(gone);
        news.removeAll(missing);
        news.forEach(metrics::runFileLost);
        if (!news.isEmpty()) {
            LOG.atWarn()
                    .addKeyValue("directory", directory)
                    .addKeyValue("missing", String.join(",", news))
                    .addKeyValue("advice", "let only the agent change the run directory")
                    .log("run-files-lost");
        }
        missing = gone;
        readiness.notReady(
                Part.SOCKET,
                "somebody removed or replaced " + String.join(", ", gone) + " of the run directory " + directory
                        + "; the agent restores it");
    }

    private void restore(Set<String> gone) throws IOException {
        if (gone.contains("directory") || gone.contains("lock")) {
            lock.restore();
            directoryIdentity = OwnFile.identity(directory);
        }
        if (gone.contains("socket")) {
            server.restore();
        }
        // The leases' own files come with the next look at the pods.
        leasesIdentity = OwnFile.identity(leases);
        rebuild.run();
    }

    private void inOrder() {
        if (!missing.isEmpty()) {
            LOG.atInfo().addKeyValue("directory", directory).log("run-files-restored");
            missing = Set.of();
            failure = "";
        }
        readiness.ready(Part.SOCKET);
    }
}
