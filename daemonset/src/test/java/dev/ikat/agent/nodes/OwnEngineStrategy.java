package dev.ikat.agent.nodes;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import dev.ikat.testbed.cluster.DockerEngine;
import java.lang.reflect.Field;
import java.net.URI;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.LoggerFactory;
import org.testcontainers.dockerclient.DockerClientProviderStrategy;
import org.testcontainers.dockerclient.InvalidConfigurationException;
import org.testcontainers.dockerclient.TransportConfig;
import org.testcontainers.utility.ResourceReaper;

/**
 * Leads Testcontainers, which looks for classes like this (META-INF/services) once a process, to a test's own engine,
 * whatever engine the machine or the user's settings name.
 */
public final class OwnEngineStrategy extends DockerClientProviderStrategy {
    private static final AtomicReference<String> ENDPOINT = new AtomicReference<>("");

    /** From here on containers are made by this engine. */
    static void use(DockerEngine engine) {
        // It has a line for each step, and a box of them for having nothing that cleans up but this process.
        for (String name : List.of("org.testcontainers", "tc", "com.github.dockerjava")) {
            ((Logger) LoggerFactory.getLogger(name)).setLevel(Level.ERROR);
        }
        ENDPOINT.set(engine.endpoint());
    }

    /**
     * The engine is about to go with all that it made. Testcontainers would ask it at the end of this process what is
     * to be removed, and print that there is no answer.
     */
    static void leave() {
        ENDPOINT.set("");
        try {
            Field labels = ResourceReaper.class.getDeclaredField("DEATH_NOTE");
            labels.setAccessible(true);
            ((List<?>) labels.get(null)).clear();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("another Testcontainers than the one that this was written for", e);
        }
    }

    @Override
    public TransportConfig getTransportConfig() throws InvalidConfigurationException {
        if (ENDPOINT.get().isEmpty()) {
            throw new InvalidConfigurationException("no engine of a test's own runs");
        }
        return TransportConfig.builder().dockerHost(URI.create(ENDPOINT.get())).build();
    }

    @Override
    protected boolean isApplicable() {
        return !ENDPOINT.get().isEmpty();
    }

    @Override
    protected int getPriority() {
        return Integer.MAX_VALUE;
    }

    /** It would ask for the address of the default bridge, which there is none of; ports are not published here. */
    @Override
    public synchronized String getDockerHostIpAddress() {
        return "localhost";
    }

    @Override
    public String getDescription() {
        return "the test's own dockerd at " + ENDPOINT.get();
    }
}
