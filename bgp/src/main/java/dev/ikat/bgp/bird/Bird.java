package dev.ikat.bgp.bird;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The BIRD of a node. It is a process of its own that goes on when the agent ends: sessions, and BFD with them, outlive
 * the agent, and its successor finds it by its socket. Where it dies, it is started again so that its neighbours keep
 * its routes meanwhile (graceful restart). It is never given a configuration that its own check refuses. Not
 * thread-safe.
 */
public final class Bird {
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(5);
    private static final Duration END_LIMIT = Duration.ofSeconds(5);
    private static final Duration LOOK = Duration.ofMillis(20);

    private final BirdFiles files;
    private final BirdProgram program;
    private final BirdControl control;

    /** What the file has said, and when it said so. */
    private Optional<String> known = Optional.empty();

    private Optional<BirdFiles.Version> version = Optional.empty();

    /** Starts nothing. */
    public Bird(BirdFiles files, BirdProgram program) {
        this.files = files;
        this.program = program;
        this.control = new BirdControl(files.socket(), ANSWER_LIMIT);
    }

    /** What became of a configuration. */
    public enum Outcome {
        /** It was in force already. */
        UNCHANGED,
        /** BIRD runs by it now, and did before by another. */
        RECONFIGURED,
        /** BIRD was started by it. */
        STARTED
    }

    /** Whether BIRD answers. */
    public boolean isRunning() {
        try {
            return !control.ask("show status").isError();
        } catch (IOException e) {
            return false;
        }
    }

    /** The configuration that is in force, or was when BIRD last ran; empty if there is none. */
    public Optional<String> configuration() throws BirdException {
        try {
            return files.read();
        } catch (IOException e) {
            throw new BirdException("can't read " + files.configuration() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Has BIRD run by this configuration.
     *
     * @throws BirdException if it is refused, and then what was in force still is; or BIRD can't be started
     */
    public Outcome apply(String configuration) throws BirdException, InterruptedException {
        boolean running = isRunning();
        if (running && isInForce(configuration)) {
            return Outcome.UNCHANGED;
        }
        try {
            files.prepare();
            boolean ranBefore = Files.exists(files.configuration());
            files.writeCandidate(configuration);
            check();
            files.useCandidate();
            if (running) {
                reconfigure();
                return Outcome.RECONFIGURED;
            }
            start(ranBefore);
            return Outcome.STARTED;
        } catch (IOException e) {
            throw new BirdException("can't have BIRD run by " + files.configuration() + ": " + e.getMessage(), e);
        }
    }

    /** Whether the file says this; it is read only if it may be another than when it was last looked at. */
    private boolean isInForce(String configuration) throws BirdException {
        try {
            Optional<BirdFiles.Version> now = files.version();
            boolean asKnown = now.isPresent() && now.equals(version) && known.equals(Optional.of(configuration));
            if (!asKnown) {
                known = configuration();
                version = now;
            }
            return known.equals(Optional.of(configuration));
        } catch (IOException e) {
            throw new BirdException("can't read " + files.configuration() + ": " + e.getMessage(), e);
        }
    }

    private void check() throws IOException, InterruptedException, BirdException {
        BirdProgram.Run check =
                program.run(List.of("-p", "-c", files.candidate().toString()));
        if (check.exitCode() != 0) {
            Files.deleteIfExists(files.candidate());
            throw new BirdException(
                    "'bird -p' refuses the configuration, what was in force stays: " + check.complaint());
        }
    }

    private void reconfigure() throws IOException, BirdException {
        BirdReply reply = control.ask("configure");
        if (reply.isError()) {
            throw new BirdException("BIRD refuses a configuration that 'bird -p' has passed: " + reply.words());
        }
    }

    /**
     * Starts BIRD.
     *
     * @param again whether there was one before, of which neighbours and the kernel may have routes still: then it
     *     waits with the kernel's until its neighbours have told theirs again
     */
    private void start(boolean again) throws IOException, InterruptedException, BirdException {
        List<String> options = new ArrayList<>(again ? List.of("-R") : List.of());
        options.addAll(List.of(
                "-c",
                files.configuration().toString(),
                "-s",
                files.socket().toString(),
                "-P",
                files.pid().toString()));
        BirdProgram.Run run = program.run(options);
        if (run.exitCode() != 0) {
            throw new BirdException("BIRD can't be started: " + run.complaint());
        }
        Files.setPosixFilePermissions(files.socket(), PosixFilePermissions.fromString("rw-------"));
    }

    /**
     * What has become of the sessions.
     *
     * @throws BirdException if BIRD does not answer
     */
    public List<SessionState> sessions() throws BirdException {
        try {
            BirdReply reply = control.ask("show protocols all");
            if (reply.isError()) {
                throw new BirdException("BIRD does not tell of its sessions: " + reply.words());
            }
            return SessionState.read(reply);
        } catch (IOException e) {
            throw new BirdException("BIRD does not answer at " + files.socket() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Ends BIRD for good, if it runs: its neighbours are told that its routes are gone, and the kernel's are removed.
     *
     * @return whether it ran
     */
    public boolean end() throws IOException, InterruptedException {
        boolean ran = isRunning();
        if (ran) {
            BirdReply _ = control.ask("down");
            long deadline = System.nanoTime() + END_LIMIT.toNanos();
            while (isRunning()) {
                if (System.nanoTime() - deadline > 0) {
                    throw new IOException("BIRD was told to end and still answers at " + files.socket());
                }
                Thread.sleep(LOOK);
            }
        }
        for (Path file : List.of(files.configuration(), files.candidate(), files.socket(), files.pid())) {
            Files.deleteIfExists(file);
        }
        return ran;
    }
}
