package dev.ikat.agent.observe;

import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** Which agent this is, and on what it runs. */
public final class BuildInfo {
    /** The agent's version. */
    public static final String VERSION = "0.1.0";

    private BuildInfo() {}

    /** The version of the Java runtime, as in {@code 25.0.1}. */
    public static String java() {
        return System.getProperty("java.version", "");
    }

    /** The release of the kernel, as {@code uname -r} prints it. */
    public static String kernel() {
        return System.getProperty("os.version", "");
    }

    static void register(PrometheusRegistry registry, String node) {
        GaugeWithCallback.builder()
                .name("ikat_build_info")
                .help(
                        "Always 1; the labels say the name of the node, and which versions of the agent, the Java runtime "
                                + "and the kernel these are.")
                .labelNames("node", "version", "java", "kernel")
                .callback(callback -> callback.call(1, node, VERSION, java(), kernel()))
                .register(registry);
    }
}
